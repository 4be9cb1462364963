"""What a threshold does elsewhere: plain counts, and an interval that holds the truth at least as often as it says."""

import math

import numpy as np
import pytest
import torch

from callbacks.metrics import rates_at_threshold, realised_rate
from tests.callbacks.metrics.samples import random_pairs


@pytest.mark.parametrize("threshold", [-2.0, 0.0, 0.2, 2.0])
def test_counts_what_reaches_it(threshold: float) -> None:
    scores, same = random_pairs(300, ties=True)
    rows = list(zip(scores.double().tolist(), same.tolist(), strict=True))
    accepted = [score >= threshold for score, genuine in rows if not genuine]
    rejected = [score < threshold for score, genuine in rows if genuine]
    found = rates_at_threshold(scores, same, threshold)
    assert [rate.rate for rate in found if rate] == [np.mean(accepted), np.mean(rejected)]


def test_pairs_of_one_kind_have_one_rate() -> None:
    scores = torch.tensor([0.1, 0.9])
    far, frr = rates_at_threshold(scores, torch.tensor([True, True]), 0.5)
    assert far is None
    assert frr is not None
    assert frr.rate == 0.5
    assert rates_at_threshold(scores, torch.tensor([False, False]), 0.5)[1] is None


@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_intervals_hold_the_truth_at_least_as_often_as_they_say(rate: float) -> None:
    drawn = np.random.default_rng(0).binomial(100, rate, size=500)
    bounds = [realised_rate(int(errors), 100) for errors in drawn]
    assert np.mean([found.lower <= rate <= found.upper for found in bounds]) >= 0.95


def test_refuses() -> None:
    with pytest.raises(ValueError, match="Expected a threshold, got NaN"):
        rates_at_threshold(torch.rand(2), torch.tensor([True, False]), math.nan)
    with pytest.raises(ValueError, match="Expected finite scores, got NaN or infinity in 1 of 1, first at 0"):
        rates_at_threshold(torch.tensor([torch.nan]), torch.tensor([True]), 0.5)
    with pytest.raises(ValueError, match="Expected at least 1 trial and no more errors than trials, got 4 of 3"):
        realised_rate(4, 3)
