"""Identities drawn anew: weights are counts, and weighted measures those of the data set written out."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from callbacks.metrics import auc, equal_error_rate, tar_at_far
from callbacks.metrics.identity_bootstrap import identity_weights, percentile_interval, weighted_rates
from callbacks.metrics.realised_rates import rates_at_threshold

FARS = (0.05, 0.2)


def pairs(seed: int, number: int = 300, *, ties: bool = False) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    same = torch.rand(number, generator=generator) < 0.5
    scores = torch.randn(number, generator=generator) + 1.5 * same
    return (scores * 4).round() / 4 if ties else scores, same


@pytest.mark.parametrize("ties", [False, True])
def test_weights_of_one_give_the_plain_measures(ties: bool) -> None:
    scores, same = pairs(0, ties=ties)
    found = weighted_rates(scores, same, torch.ones(1, len(scores)).double(), fars=FARS, threshold=0.75)
    far, frr = rates_at_threshold(scores, same, 0.75)
    assert far is not None
    assert frr is not None
    areas = [float(equal_error_rate(scores, same)), float(auc(scores, same))]
    expected = [*areas, *tar_at_far(scores, same, FARS).tolist(), far.rate, frr.rate]
    assert [float(value) for value in found.values()] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("ties", [False, True])
def test_a_weighted_measure_is_that_of_pairs_written_as_often(ties: bool) -> None:
    scores, same = pairs(1, ties=ties)
    weights = torch.randint(0, 4, (3, len(scores)), generator=torch.Generator().manual_seed(2))
    found = weighted_rates(scores, same, weights.double(), fars=FARS, threshold=0.5)
    for row, times in enumerate(weights):
        written, kinds = scores.repeat_interleave(times), same.repeat_interleave(times)
        assert float(found["eer"][row]) == pytest.approx(float(equal_error_rate(written, kinds)), abs=1e-7)
        assert float(found["auc"][row]) == pytest.approx(float(auc(written, kinds)), abs=1e-12)
        assert [float(found[f"tar@far={far:g}"][row]) for far in FARS] == pytest.approx(
            tar_at_far(written, kinds, FARS).tolist(), abs=1e-12
        )
        realised = rates_at_threshold(written, kinds, 0.5)
        assert [float(found[name][row]) for name in ("far", "frr")] == pytest.approx([r.rate for r in realised if r])


def test_pairs_count_as_often_as_their_identities() -> None:
    first, second = np.array([7, 7, 3, 3]), np.array([7, 3, 3, 9])
    (weights,) = identity_weights(first, second, replicates=50, seed=0)
    same7, cross, same3, other = weights.T
    assert torch.equal(cross, same7 * same3)
    nine = 3 - same7 - same3  # as many identities as there are
    assert torch.equal(other, same3 * nine)
    assert weights.mean(0)[[0, 2]].tolist() == pytest.approx([1, 1], abs=0.4)


def test_the_same_identities_are_drawn_alike_whatever_they_are_called_and_however_many_at_once() -> None:
    first, second = np.array([0, 1, 2, 0]), np.array([0, 2, 2, 1])
    one = torch.cat(list(identity_weights(first, second, replicates=250, seed=3)))
    other = torch.cat(list(identity_weights(first + 40, second + 40, replicates=250, seed=3)))
    assert one.shape == (250, 4)
    assert torch.equal(one, other)
    assert not torch.equal(one, torch.cat(list(identity_weights(first, second, replicates=250, seed=4))))


def test_the_interval_covers_the_truth_where_identities_are_many_pairs_each() -> None:
    """Genuine scores share their identity's ease: intervals that took pairs for independent would be far too narrow."""
    covered = widths = 0.0
    for seed in range(60):
        random = np.random.default_rng(seed)
        identity = np.repeat(np.arange(40), 10)
        ease = random.normal(size=40)[identity]
        genuine = torch.from_numpy(ease + 0.3 * random.normal(size=400))
        scores = torch.cat([genuine, torch.full((400,), -9.0, dtype=torch.double)])
        same = torch.arange(800) < 400
        first = np.concatenate([identity, identity])
        second = np.concatenate([identity, (identity + 1) % 40])
        parts = identity_weights(first, second, replicates=200, seed=seed)
        frr = torch.cat([weighted_rates(scores, same, part, threshold=0.0)["frr"] for part in parts])
        low, high = percentile_interval(frr)
        covered += low <= 0.5 <= high
        widths += (high - low) / 60
    assert covered / 60 >= 0.85
    assert widths > 2 * 1.96 * math.sqrt(0.25 / 400) * 1.8


def test_a_row_without_a_kind_of_pairs_is_not_measurable() -> None:
    scores, same = torch.tensor([0.9, 0.1]), torch.tensor([True, False])
    found = weighted_rates(scores, same, torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).double(), fars=(1.0,))
    assert [math.isnan(value) for value in found["tar@far=1"].tolist()] == [True, True, False]
    assert percentile_interval(found["tar@far=1"]) == (1.0, 1.0)
    assert all(math.isnan(bound) for bound in percentile_interval(torch.full((3,), math.nan)))
    with pytest.raises(ValueError, match="Expected genuine and impostor pairs, got 2 and 0"):
        weighted_rates(scores, torch.tensor([True, True]), torch.ones(1, 2).double())
