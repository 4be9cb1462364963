"""How far the receiver operating characteristic would move with other pairs: a bootstrap."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from callbacks.metrics.metric_checks import check_measurable, check_pairs
from callbacks.metrics.tar_at_far import FARS
from datamodules.randomness import sample_generator

CELLS = 2**22
"""Weights held at once: resamples × pairs."""


def roc_band(
    scores: Tensor,
    same: Tensor,
    fars: Sequence[float] = FARS,
    *,
    groups: Tensor | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return the bounds between which the true accept rate at each false accept rate lies in most resamples.

    Genuine and impostor pairs are drawn again with replacement, each kind as often as there are pairs of it, and
    :func:`~callbacks.metrics.tar_at_far` is taken of each resample; the bounds are its quantiles (percentile bootstrap,
    stratified). Pairs that share an identity are not independent: with ``groups`` all pairs of a kind and group are
    drawn together.

    Args:
        scores: Similarities, ``(N,)``, larger for more alike.
        same: Whether the pair shows one identity, ``(N,)`` bool.
        fars: Largest false accept rates, ``F`` of them.
        groups: Group of each pair (identity, fold), ``(N,)`` integers; without, each pair is its own.
        resamples: Resamples, at least 2.
        confidence: Share of resamples between the bounds, in ``(0, 1)``.
        seed: Of the draws, not negative: the same seed gives the same bounds, in whatever order the pairs come.

    Returns:
        Lower and upper bounds, ``(F,)`` each, float64.

    Raises:
        ValueError: If shapes differ, scores are not finite, there are no genuine or no impostor pairs, a rate lies
            below 1 / number of impostor pairs, or a setting is out of its range.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.6, 0.2, 0.7, 0.1, 0.3]), torch.arange(6) < 3
        >>> roc_band(scores, same, (0.5,), resamples=100)
        (tensor([0.], dtype=torch.float64), tensor([1.], dtype=torch.float64))
    """
    check_pairs(scores, same)
    check_band(resamples, confidence)
    if groups is not None and groups.shape != scores.shape:
        raise ValueError(f"Expected a group for each of {len(scores)} scores, got {tuple(groups.shape)}")
    order = torch.argsort(scores, descending=True).cpu()
    scores, same = scores.cpu()[order], same.cpu()[order].bool()
    genuine, impostor = scores[same], scores[~same]
    check_measurable("fars", fars, len(impostor), "impostor pairs")
    kinds = [_places(None if groups is None else groups.cpu()[order][kind], int(kind.sum())) for kind in (same, ~same)]
    above = len(genuine) - torch.searchsorted(genuine.flip(0).contiguous(), impostor, right=True)  # (I,)
    above = torch.cat([above, torch.tensor([len(genuine)])])  # (I + 1,) genuine pairs above each bound
    rates = []
    step = max(1, CELLS // len(scores))
    for start in range(0, resamples, step):
        rng = sample_generator(seed, 0, start, stream="roc_band")
        drawn = [_resampled(rng, places, min(step, resamples - start)) for places in kinds]
        rates.append(_weighted_tars(drawn[0], drawn[1], above, fars))
    tail = (1 - confidence) / 2
    lower, upper = torch.quantile(torch.cat(rates), torch.tensor([tail, 1 - tail], dtype=torch.double), dim=0)
    return lower, upper


def check_band(resamples: int, confidence: float) -> None:
    """Refuse settings of :func:`roc_band` out of their range."""
    if resamples < 2:
        raise ValueError(f"Expected `resamples` of at least 2, got {resamples}")
    if not 0 < confidence < 1:
        raise ValueError(f"Expected `confidence` in (0, 1), got {confidence}")


def _places(groups: Tensor | None, number: int) -> Tensor:
    """Return the rank of each pair's group among the groups, ``(N,)``."""
    return torch.arange(number) if groups is None else torch.unique(groups, return_inverse=True)[1]


def _resampled(rng: np.random.Generator, places: Tensor, number: int) -> Tensor:
    """Return how often each pair is drawn in each of a number of resamples, ``(R, N)`` int64."""
    groups = int(places.max()) + 1
    drawn = rng.integers(groups, size=(number, groups)) + groups * np.arange(number)[:, None]
    counts = torch.from_numpy(np.bincount(drawn.ravel(), minlength=number * groups)).view(number, groups)
    return counts[:, places]


def _weighted_tars(genuine: Tensor, impostor: Tensor, above: Tensor, fars: Sequence[float]) -> Tensor:
    """Return true accept rates ``(R, F)`` of pairs in descending order that count ``(R, G)`` and ``(R, I)`` times."""
    drawn = impostor.cumsum(1)
    limits = torch.tensor(list(fars), dtype=torch.double).expand(len(drawn), -1).contiguous()
    refused = torch.searchsorted(drawn.double() / drawn[:, -1:], limits, right=True)  # (R, F) first impostor above FAR
    accepted = torch.cat([genuine.new_zeros(len(genuine), 1), genuine.cumsum(1)], dim=1)  # (R, G + 1)
    return accepted.gather(1, above[refused]).double() / accepted[:, -1:]
