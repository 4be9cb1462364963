"""Identities are drawn alike for the same pairs, whatever the scores."""

import numpy as np
import torch

from datamodules.seams.evaluation_protocol import VerificationPairs
from experiments.model_comparison.condition_scores import ConditionScores, estimates


def test_draws_are_shared_by_pairs_of_the_same_identities_alone() -> None:
    index, same = np.arange(6), np.arange(6) % 2 == 0
    pairs = VerificationPairs(index, index[::-1].copy(), same, np.zeros(6, np.int64))
    one = ConditionScores(torch.rand(6), pairs, index % 4, index % 3)
    two = one._replace(scores=torch.rand(6))
    turned = one._replace(first=one.second, second=one.first)
    first, second, third, other = (
        estimates(scores, ["eer"], threshold=0.5, replicates=3, seed=seed)["eer"].draws
        for scores, seed in ((one, 0), (two, 0), (turned, 0), (one, 1))
    )
    assert first == second
    assert len({first, third, other}) == 3
