"""Operating thresholds: a plain search with ties, agreement with the rates, intervals that hold the truth, refusals."""

import math

import pytest
import torch
from torch import Tensor

from callbacks.metrics import operating_thresholds, rates_at_threshold, roc_curve, tar_at_far
from callbacks.metrics.operating_threshold import lowest_thresholds
from tests.callbacks.metrics.samples import random_pairs

FARS = (0.01, 0.05, 0.1, 0.29)


def searched(impostor: Tensor, far: float) -> float:
    """The lowest of all numbers just above a score at which no more than allowed are accepted."""
    candidates = [math.nextafter(score, math.inf) for score in impostor.double().tolist()]
    allowed = [t for t in candidates if float((impostor.double() >= t).double().mean()) <= far]
    return min(allowed)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_is_the_lowest_that_keeps_the_rate(seed: int, ties: bool) -> None:
    scores, same = random_pairs(400, seed, ties=ties)
    impostor = scores[~same].double()
    found = operating_thresholds(impostor, FARS).threshold
    assert found.tolist() == [searched(impostor, far) for far in FARS]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ties", [False, True])
def test_at_it_the_rates_are_those_of_tar_at_far_and_of_the_curve(ties: bool, dtype: torch.dtype) -> None:
    scores, same = random_pairs(500, 3, ties=ties)
    scores = scores.to(dtype)
    found = operating_thresholds(scores[~same], FARS).threshold
    far_curve, tar_curve, thresholds = roc_curve(scores, same)
    for far, threshold, tar in zip(FARS, found.tolist(), tar_at_far(scores, same, FARS).tolist(), strict=True):
        false_accepts, false_rejects = rates_at_threshold(scores, same, threshold)
        assert false_accepts is not None
        assert false_rejects is not None
        assert false_accepts.rate <= far
        assert false_rejects.rate == pytest.approx(1 - tar, abs=1e-12)
        last = int((thresholds.double() >= threshold).sum()) - 1
        assert false_accepts.rate == pytest.approx(float(far_curve[last]), abs=1e-12)
        assert false_rejects.rate == pytest.approx(1 - float(tar_curve[last]), abs=1e-12)


def test_order_changes_nothing_and_increasing_functions_move_all_alike() -> None:
    impostor = torch.randn(300, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    people = torch.arange(300) % 50
    expected = operating_thresholds(impostor, FARS, first=people, second=(people + 7) % 50)
    turned = operating_thresholds(impostor.flip(0), FARS, first=((people + 7) % 50).flip(0), second=people.flip(0))
    doubled = operating_thresholds(2 * impostor, FARS, first=people, second=(people + 7) % 50)
    for kind in range(3):
        torch.testing.assert_close(turned[kind], expected[kind], rtol=1e-12, atol=0)
        torch.testing.assert_close(doubled[kind], 2 * expected[kind], rtol=1e-12, atol=0)


def test_intervals_hold_the_threshold_and_widen_with_confidence() -> None:
    impostor = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    wide, narrow = (operating_thresholds(impostor, FARS, confidence=confidence) for confidence in (0.99, 0.5))
    ordered = torch.stack([wide.lower, narrow.lower, narrow.threshold, narrow.upper, wide.upper])
    assert (ordered.diff(dim=0) >= 0).all()
    assert (wide.upper > wide.lower).all()


def simulated(seed: int, people: int) -> tuple[Tensor, Tensor, Tensor]:
    """All pairs of people; some people are alike to everybody, as in life."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.triu_indices(people, people, 1)
    own = torch.randn(people, generator=generator)
    return own[first] + own[second] + torch.randn(len(first), generator=generator), first, second


def test_intervals_hold_the_truth_as_often_as_they_say_where_pairs_share_identities() -> None:
    truth = 3**0.5 * 1.2815515655446004  # ninety per cent of a normal variable of variance 3
    inside = {"shared": 0, "alone": 0}
    for seed in range(300):
        scores, first, second = simulated(seed, 40)
        shared = operating_thresholds(scores, (0.1,), first=first, second=second)
        alone = operating_thresholds(scores, (0.1,))
        inside["shared"] += bool(shared.lower <= truth <= shared.upper)
        inside["alone"] += bool(alone.lower <= truth <= alone.upper)
    assert 0.88 < inside["shared"] / 300 < 0.99
    assert inside["alone"] / 300 < 0.6  # what it would be to take them for independent


def test_intervals_are_those_of_identities_drawn_anew() -> None:
    scores, first, second = simulated(0, 60)
    generator = torch.Generator().manual_seed(1)
    drawn = []
    for _ in range(400):
        times = torch.bincount(torch.randint(60, (60,), generator=generator), minlength=60)
        weight = times[first] * times[second]
        drawn.append(float(lowest_thresholds(scores.repeat_interleave(weight), (0.1,))))
    low, high = torch.tensor(drawn).quantile(torch.tensor([0.025, 0.975])).tolist()
    found = operating_thresholds(scores, (0.1,), first=first, second=second)
    assert float(found.upper - found.lower) == pytest.approx(high - low, rel=0.25)


def test_too_few_scores_bound_it_from_below_alone() -> None:
    found = operating_thresholds(torch.arange(100.0), (0.01, 0.5))
    assert found.upper[0] == math.inf
    assert found.upper[1] < 99
    assert found.threshold.tolist() == pytest.approx([98, 49], abs=1e-4)


def test_refuses() -> None:
    scores = torch.rand(11)
    with pytest.raises(ValueError, match=r"Expected `fars` of at least 1/11, one of 11 impostor scores, got 0\.09"):
        operating_thresholds(scores, (0.09,))
    with pytest.raises(ValueError, match="Expected finite scores, got NaN or infinity in 1 of 12, first at 11"):
        operating_thresholds(torch.cat([scores, torch.tensor([torch.nan])]), (0.5,))
    with pytest.raises(ValueError, match=r"Expected `confidence` in \(0, 1\), got 95"):
        operating_thresholds(scores, (0.5,), confidence=95)
    with pytest.raises(ValueError, match="Expected an identity for each of 11 scores, got 3"):
        operating_thresholds(scores, (0.5,), first=torch.arange(3))
