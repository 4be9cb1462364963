"""Bootstrap bands: the spread that sampling theory expects, order, seeds, groups, refusals."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from callbacks.metrics import roc_band, tar_at_far
from callbacks.metrics import roc_band as function
from tests.callbacks.metrics.samples import random_pairs

FARS = (0.01, 0.05, 0.3)


def test_spread_is_that_of_a_binomial_where_the_threshold_is_known() -> None:
    genuine = torch.cat([torch.full((160,), 0.9), torch.full((40,), 0.1)])  # 80 % lie far above any impostor
    impostor = torch.linspace(0.4, 0.6, 300)
    scores, same = torch.cat([genuine, impostor]), torch.arange(500) < 200
    lower, upper = roc_band(scores, same, (0.1,), resamples=4000)
    deviation = (0.8 * 0.2 / 200) ** 0.5
    assert float(lower) == pytest.approx(0.8 - 1.96 * deviation, abs=0.006)
    assert float(upper) == pytest.approx(0.8 + 1.96 * deviation, abs=0.006)


def test_spread_of_the_threshold_counts_too() -> None:
    scores, same = torch.linspace(0, 1, 400), torch.arange(400) % 2 == 0
    lower, upper = roc_band(scores, same, (0.1,))
    known = 1.96 * (0.1 * 0.9 / 200) ** 0.5
    assert float(upper - lower) == pytest.approx(2 * 2**0.5 * known, rel=0.15)  # both kinds vary alike


def test_bounds_hold_the_measured_rate_and_widen_with_confidence() -> None:
    scores, same = random_pairs(1000)
    measured = tar_at_far(scores, same, FARS)
    narrow, wide = (roc_band(scores, same, FARS, confidence=confidence) for confidence in (0.5, 0.99))
    assert (wide[0] <= narrow[0]).all()
    assert (narrow[0] <= measured).all()
    assert (measured <= narrow[1]).all()
    assert (narrow[1] <= wide[1]).all()


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_a_seed_gives_the_same_bounds_in_any_order_and_at_any_scale(grouped: bool, ties: bool) -> None:
    scores, same = random_pairs(300, ties=ties)
    groups = torch.arange(300) % 20 if grouped else None
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    expected = roc_band(scores, same, FARS, groups=groups)
    shuffled = roc_band(scores[order].exp(), same[order], FARS, groups=None if groups is None else groups[order])
    assert all(torch.equal(a, b) for a, b in zip(shuffled, expected, strict=True))
    other = roc_band(scores, same, FARS, groups=groups, seed=1)
    assert not all(torch.equal(a, b) for a, b in zip(other, expected, strict=True))


def test_a_resample_is_the_rate_of_pairs_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    module = __import__("sys").modules[function.__module__]
    drawn: list[Tensor] = []
    rates: list[Tensor] = []
    resampled, weighted = module._resampled, module._weighted_tars

    def keep_drawn(*given: object) -> Tensor:
        drawn.append(resampled(*given))
        return drawn[-1]

    def keep_rates(*given: object) -> Tensor:
        rates.append(weighted(*given))
        return rates[-1]

    monkeypatch.setattr(module, "_resampled", keep_drawn)
    monkeypatch.setattr(module, "_weighted_tars", keep_rates)
    scores, same = random_pairs(120, ties=True)
    roc_band(scores, same, FARS[1:], groups=torch.arange(120) % 30, resamples=20)
    ordered = [scores[kind].sort(descending=True).values for kind in (same, ~same)]
    for row in range(20):
        genuine, impostor = (s.repeat_interleave(weight[row]) for s, weight in zip(ordered, drawn, strict=True))
        kinds = torch.arange(len(genuine) + len(impostor)) < len(genuine)
        assert_close(rates[0][row], tar_at_far(torch.cat([genuine, impostor]), kinds, FARS[1:]))


def test_copies_of_pairs_widen_no_band_if_they_are_one_group() -> None:
    scores, same = random_pairs(200)
    groups = torch.arange(200).repeat(5)
    copied = roc_band(scores.repeat(5), same.repeat(5), FARS, groups=groups, resamples=2000)
    alone = roc_band(scores, same, FARS, resamples=2000)
    naive = roc_band(scores.repeat(5), same.repeat(5), FARS, resamples=2000)
    assert_close(copied[1] - copied[0], alone[1] - alone[0], rtol=0.15, atol=0.02)
    assert (naive[1] - naive[0] < 0.75 * (copied[1] - copied[0])).all()


def test_refuses() -> None:
    scores, same = random_pairs(50)
    with pytest.raises(ValueError, match="Expected `resamples` of at least 2, got 1"):
        roc_band(scores, same, FARS, resamples=1)
    with pytest.raises(ValueError, match=r"Expected `confidence` in \(0, 1\), got 95"):
        roc_band(scores, same, FARS, confidence=95)
    with pytest.raises(ValueError, match=r"Expected a group for each of 50 scores, got \(3,\)"):
        roc_band(scores, same, FARS, groups=torch.arange(3))
    with pytest.raises(ValueError, match="Expected `fars` of at least 1/"):
        roc_band(scores, same, (1e-4,))
