"""Differences are paired where the pairs are the same, and not shown where they are not."""

import torch

from experiments.model_comparison.comparison_tables import Figure, costs
from experiments.model_comparison.condition_scores import RateEstimate


def test_conditions_of_other_pairs_are_not_compared() -> None:
    values = torch.rand(100)
    clean, covered, others = (
        RateEstimate(0.5, values + step, draws) for step, draws in ((0, "a"), (0.1, "a"), (1, "b"))
    )
    found = {"net": {"clean": {"eer": clean}, "cup/low": {"eer": covered}, "all/low": {"eer": others}}}
    (table,) = costs(found, ["eer"], "low")
    ((_, (paired, unpaired)),) = table.rows
    assert paired.tells
    assert unpaired == Figure("–")
