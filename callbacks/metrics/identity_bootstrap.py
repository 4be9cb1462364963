"""How far measures of pairs may be from the truth: identities drawn anew."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.metric_checks import check_kinds

AT_ONCE = 100
"""Replicates that are measured at once."""


def identity_weights(
    first: NDArray[np.int64], second: NDArray[np.int64], *, replicates: int, seed: int
) -> Iterator[Tensor]:
    """Yield how often each pair is in data sets of as many identities, drawn with replacement.

    A pair of two identities is in one as often as the product of theirs, a pair of one identity as often as it. The
    same identities and seed give the same weights, so that differences of models can be paired.

    Args:
        first: Identity of each pair's first face, ``(N,)``.
        second: Of its second face, ``(N,)``.
        replicates: Number of data sets R.
        seed: Of the draws.

    Yields:
        ``(≤ 100, N)`` float64, R rows in all.

    Source: Efron 1979 for the bootstrap; a resampled unit is what the pairs share, the identity.
    """
    names, index = np.unique(np.concatenate([first, second]), return_inverse=True)
    one, other = torch.from_numpy(index).reshape(2, -1)
    random = np.random.default_rng(seed)
    for start in range(0, replicates, AT_ONCE):
        rows = min(AT_ONCE, replicates - start)
        drawn = torch.from_numpy(random.multinomial(len(names), np.full(len(names), 1 / len(names)), rows)).double()
        yield drawn[:, one] * torch.where(one == other, 1.0, drawn[:, other])


def weighted_rates(
    scores: Tensor, same: Tensor, weights: Tensor, *, fars: Sequence[float] = (), threshold: float | None = None
) -> dict[str, Tensor]:
    """Return the measures of pairs that count as often as their weights say, ``(R,)`` float64 each.

    Args:
        scores: Similarities, ``(N,)``.
        same: Whether the pair shows one identity, ``(N,)`` bool.
        weights: ``(R, N)``; a row of ones gives the plain measures.
        fars: False accept rates of ``tar@far=…``; the threshold is chosen anew in each row.
        threshold: Gives ``far`` and ``frr`` at it; a score that reaches it is accepted.

    Returns:
        ``eer``, ``auc`` and what was asked for; NaN in rows without genuine or without impostor pairs.

    Raises:
        ValueError: If shapes differ, or there are no genuine or no impostor pairs.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.4, 0.7, 0.2]), torch.tensor([True, True, False, False])
        >>> once, without_third = torch.ones(1, 4).double(), torch.tensor([[1.0, 1, 0, 1]]).double()
        >>> weighted_rates(scores, same, torch.cat([once, without_third]))["eer"].tolist()
        [0.5, 0.0]
    """
    check_kinds(scores, same)
    ordered, order = scores.double().sort(descending=True)
    last = torch.ones_like(same, dtype=torch.bool)  # of equal scores
    last[:-1] = ordered[1:] != ordered[:-1]
    kinds = [(weights * kind)[:, order].cumsum(1) for kind in (same.bool(), ~same.bool())]
    nothing = weights.new_zeros(len(weights), 1)
    tar, far = (torch.cat([nothing, sums[:, last] / sums[:, -1:]], 1) for sums in kinds)  # (R, T)
    nearest = (far + tar - 1).abs().argmin(1, keepdim=True)
    measures = {"eer": ((far + 1 - tar) / 2).gather(1, nearest).squeeze(1), "auc": torch.trapezoid(tar, far)}
    for rate in fars:
        within = (far <= rate * (1 + 1e-12)).sum(1, keepdim=True).clamp(min=1) - 1
        measures[f"tar@far={rate:g}"] = tar.gather(1, within).squeeze(1) + 0 * far[:, -1]
    if threshold is not None:
        accepted = (scores.double() >= threshold).double()
        measures["far"] = _mean(accepted, weights * ~same.bool())
        measures["frr"] = _mean(1 - accepted, weights * same.bool())
    return measures


def percentile_interval(replicates: Tensor, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval that holds the middle of a measure's replicates, NaN aside.

    Example:
        >>> [round(bound, 6) for bound in percentile_interval(torch.arange(101).double())]
        [2.5, 97.5]
    """
    found = replicates[~replicates.isnan()]
    if not len(found):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = torch.quantile(found, torch.tensor([tail, 1 - tail], dtype=found.dtype)).tolist()
    return low, high


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (weights @ values) / weights.sum(1)
