"""True accept rate at a false accept rate: golden values, a plain loop, scikit-learn, and what was not measured."""

import pytest
import torch
from sklearn.metrics import roc_curve
from torch import Tensor
from torch.testing import assert_close

from callbacks.metrics import tar_at_far
from tests.callbacks.metrics.samples import random_pairs

FARS = (0.01, 0.05, 0.1, 0.29, 1.0)


def looped(scores: Tensor, same: Tensor, far: float) -> float:
    best = 0.0
    for threshold in scores.tolist():
        accepted = scores >= threshold
        if float(accepted[~same].double().mean()) <= far:
            best = max(best, float(accepted[same].double().mean()))
    return best


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_is_the_most_that_any_allowed_threshold_accepts(seed: int, ties: bool) -> None:
    scores, same = random_pairs(400, seed, ties=ties)
    expected = [looped(scores, same, far) for far in FARS]
    assert_close(tar_at_far(scores, same, FARS), torch.tensor(expected, dtype=torch.double), rtol=0, atol=1e-12)
    false_accept, true_accept, _ = roc_curve(same, scores, drop_intermediate=False)
    assert expected == pytest.approx([true_accept[false_accept <= far].max() for far in FARS], abs=1e-12)


def test_one_false_accept_in_ten_is_allowed_and_two_are_not() -> None:
    impostor = torch.linspace(0.0, 0.9, 10)
    genuine = torch.tensor([0.95, 0.85, 0.75, 0.05])
    scores, same = torch.cat([impostor, genuine]), torch.arange(14) >= 10
    found = tar_at_far(scores, same, (0.1, 0.19, 0.2, 1.0))
    assert found.tolist() == [0.5, 0.5, 0.75, 1.0]  # above 0.8, above 0.8, above 0.7, all


def test_a_tie_of_two_impostors_is_not_parted() -> None:
    scores = torch.tensor([0.9, 0.5, 0.5, 0.5, 0.1])
    assert tar_at_far(scores, torch.tensor([True, True, False, False, False]), (0.4,)).tolist() == [0.5]


@pytest.mark.parametrize("number", [29, 100, 3000])
def test_a_rate_that_is_a_number_of_pairs_is_met_exactly(number: int) -> None:
    impostor = torch.arange(number, dtype=torch.double)
    for allowed in range(1, number, max(1, number // 29)):
        scores = torch.cat([impostor, torch.tensor([number - allowed - 0.5])])  # one genuine, behind `allowed` of them
        assert tar_at_far(scores, torch.arange(number + 1) == number, (allowed / number,)).item() == 1


def test_order_and_increasing_functions_change_nothing() -> None:
    scores, same = random_pairs(300, ties=True)
    expected = tar_at_far(scores, same, FARS)
    assert torch.equal(tar_at_far(scores.flip(0), same.flip(0), FARS), expected)
    assert torch.equal(tar_at_far(scores.double().exp(), same, FARS), expected)


def test_refuses_what_was_not_measured() -> None:
    scores, same = torch.rand(11), torch.arange(11) < 1
    assert len(tar_at_far(scores, same, (0.1,))) == 1
    with pytest.raises(ValueError, match=r"Expected `fars` of at least 1/10, one of 10 impostor pairs, got 0\.09"):
        tar_at_far(scores, same, (0.1, 0.09))


@pytest.mark.parametrize("fars", [(), (0.0,), (0.1, 1.5)])
def test_refuses_rates_that_are_none(fars: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"Expected `fars` in \(0, 1\], got"):
        tar_at_far(torch.rand(4), torch.arange(4) < 2, fars)
