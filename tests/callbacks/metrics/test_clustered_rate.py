"""The variance of a rate over pairs that share identities: a plain double loop, and what it is of independent pairs."""

import pytest
import torch
from torch import Tensor

from callbacks.metrics.clustered_rate import SharedIdentities, wilson_interval


def looped(errors: Tensor, first: Tensor, second: Tensor) -> float:
    pairs = [{a, b} for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    residual: list[float] = (errors.double() - errors.double().mean()).tolist()
    number = range(len(pairs))
    return sum(residual[p] * residual[q] for p in number for q in number if pairs[p] & pairs[q]) / len(pairs) ** 2


@pytest.mark.parametrize("people", [2, 5, 30, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_is_the_sum_over_all_pairs_that_share_somebody(people: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randint(people, (2, 120), generator=generator)  # some of one, some listed twice
    errors = torch.rand(120, generator=generator) < 0.3
    shared = SharedIdentities(100 + 7 * first, 100 + 7 * second)
    assert shared.variance(errors) == pytest.approx(looped(errors, first, second), abs=1e-12)
    assert SharedIdentities(second, first).variance(errors) == pytest.approx(shared.variance(errors), abs=1e-15)


def test_independent_pairs_are_as_many_trials_as_pairs_and_copies_are_none() -> None:
    errors, alone = torch.arange(200) % 5 == 0, torch.arange(200)
    assert SharedIdentities(alone, alone + 200).trials(errors) == pytest.approx(200)
    copied = SharedIdentities(alone.repeat(4), (alone + 200).repeat(4))
    assert copied.trials(errors.repeat(4)) == pytest.approx(200)
    assert SharedIdentities(alone, alone).trials(torch.zeros(200, dtype=torch.bool)) == 200


def test_the_score_interval_is_that_of_scipy() -> None:
    from scipy.stats import binomtest

    for errors, trials in ((0, 10), (3, 3000), (50, 100), (7, 7)):
        expected = binomtest(errors, trials).proportion_ci(0.9, method="wilson")
        assert wilson_interval(errors / trials, trials, 0.9) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_refuses_identities_of_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"Expected identities \(N,\) of both faces, got \(3,\), \(4,\)"):
        SharedIdentities(torch.arange(3), torch.arange(4))
