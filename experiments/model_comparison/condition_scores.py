"""The scores of one condition's pairs by one model, and what is known of its measures."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.fold_accuracy import fold_decisions
from callbacks.metrics.identity_bootstrap import identity_weights, percentile_interval, weighted_rates
from callbacks.recognition.pair_identities import pair_identities
from callbacks.recognition.verification import Verified
from datamodules.seams.evaluation_protocol import EvaluationProtocol, VerificationPairs
from experiments.runs.digests import digest


class RateEstimate(NamedTuple):
    """A share, and its value in every data set of identities drawn anew."""

    value: float
    replicates: Tensor
    draws: str = ""
    """Stands for the pairs' identities and what was drawn of them."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % percentile interval."""
        return percentile_interval(self.replicates)

    def minus(self, other: "RateEstimate") -> "RateEstimate":
        """Return the difference to another estimate of the same draws."""
        return RateEstimate(self.value - other.value, self.replicates - other.replicates, self.draws)

    def tells(self) -> bool:
        """Whether 0 lies outside the interval."""
        low, high = self.interval
        return low > 0 or high < 0


class ConditionScores(NamedTuple):
    """Scores of a condition's pairs."""

    scores: Tensor
    """``(N,)``"""
    pairs: VerificationPairs
    first: NDArray[np.int64]
    """Identity of each pair's first face, ``(N,)``."""
    second: NDArray[np.int64]

    @classmethod
    def of(cls, protocol: EvaluationProtocol, condition: str, verified: Verified) -> "ConditionScores":
        """Return those of a protocol's condition."""
        pairs = protocol.verification[condition]
        return cls(verified.scores, pairs, *pair_identities(pairs, protocol.source.identities))

    def draws(self, replicates: int, seed: int) -> str:
        """Return what is the same where pairs are of the same identities in the same order: draws are shared."""
        return digest(self.first.tobytes(), self.second.tobytes(), f"{replicates} {seed}")


def estimates(
    found: ConditionScores, measures: Sequence[str], *, threshold: float, replicates: int, seed: int
) -> dict[str, RateEstimate]:
    """Return measures with their values in data sets of identities drawn anew.

    Args:
        found: Scores.
        measures: ``frr`` and ``far`` at the threshold, ``eer``; ``accuracy`` at those thresholds that are best on the
            other folds, which are not chosen anew; left out where there are no folds.
        threshold: Of acceptance.
        replicates: Number of data sets.
        seed: Of the draws; the same pairs and seed give the same draws.
    """
    same = torch.from_numpy(found.pairs.same)
    correct = None
    if "accuracy" in measures and found.pairs.folds > 1:
        correct = fold_decisions(found.scores, same, torch.from_numpy(found.pairs.fold)).double()
    once = torch.ones(1, len(found.scores), dtype=torch.double)
    draws = identity_weights(found.first, found.second, replicates=replicates, seed=seed)
    parts: list[dict[str, Tensor]] = []
    for weights in (once, *draws):
        part = weighted_rates(found.scores, same, weights, threshold=threshold)
        parts.append(part if correct is None else {**part, "accuracy": (weights @ correct) / weights.sum(1)})
    values = {name: torch.cat([part[name] for part in parts]) for name in measures if name in parts[0]}
    shared = found.draws(replicates, seed)
    return {name: RateEstimate(float(value[0]), value[1:], shared) for name, value in values.items()}
