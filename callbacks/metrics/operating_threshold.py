"""The threshold at which a recogniser is run, and how well it is known."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics.clustered_rate import SharedIdentities, wilson_interval
from callbacks.metrics.metric_checks import bounds_of_ordered, check_finite, check_measurable
from callbacks.metrics.tar_at_far import FARS


class OperatingThresholds(NamedTuple):
    """Thresholds that a score must reach to be accepted, by rate, ``(F,)`` float64 each."""

    threshold: Tensor
    """The lowest that keeps the rate."""
    lower: Tensor
    """From here on the true one may lie."""
    upper: Tensor
    """Up to here; infinity where the scores are too few to bound it."""


def operating_thresholds(
    impostor: Tensor,
    fars: Sequence[float] = FARS,
    *,
    first: Tensor | None = None,
    second: Tensor | None = None,
    confidence: float = 0.95,
) -> OperatingThresholds:
    """Return the lowest thresholds at which impostors are accepted as often as allowed, no more, with intervals.

    A pair is accepted if its score reaches the threshold; equal scores are not parted. At it the true accept rate is
    that of :func:`~callbacks.metrics.tar_at_far`. The interval is Woodruff's: the rate's own interval, Wilson's with as
    many trials as pairs that share identities are worth, read off the scores' distribution. Nothing is drawn; drawing
    identities anew gives the same where they are shared, and intervals too wide by up to a factor of 1.7 where they
    hardly are.

    Source: Woodruff 1952, "Confidence intervals for medians and other position measures";
    :meth:`~callbacks.metrics.clustered_rate.SharedIdentities.variance`.

    Args:
        impostor: Scores that should be refused, ``(N,)``, larger for more alike.
        fars: Largest shares of them that may be accepted, ``F`` of them in ``(0, 1]``.
        first: Identity of each pair's first face, ``(N,)``; without, pairs are taken for independent.
        second: Of its second face; without, the pair counts for its first alone, as a search of a gallery does.
        confidence: Share of data sets whose interval holds the true threshold, in ``(0, 1)``.

    Raises:
        ValueError: If scores are not finite, a rate lies below 1 / N, or a setting is out of its range.

    Example:
        >>> found = operating_thresholds(torch.linspace(0, 1, 101), (0.05,))
        >>> [round(float(bound), 4) for bound in found]
        [0.95, 0.89, 0.98]
    """
    check_finite("scores", impostor.isfinite())
    check_measurable("fars", fars, len(impostor), "impostor scores")
    if not 0 < confidence < 1:
        raise ValueError(f"Expected `confidence` in (0, 1), got {confidence}")
    first = torch.arange(len(impostor)) if first is None else first
    if first.shape != impostor.shape:
        raise ValueError(f"Expected an identity for each of {len(impostor)} scores, got {len(first)}")
    shared = SharedIdentities(first, first if second is None else second)
    ordered = impostor.sort(descending=True).values
    thresholds = _above(ordered, fars)
    bounds = [
        wilson_interval(far, shared.trials(impostor >= threshold), confidence)
        for far, threshold in zip(fars, thresholds, strict=True)
    ]
    lower, upper = (_above(ordered, [rates[kind] for rates in bounds]) for kind in (1, 0))
    open_above = torch.tensor([low * len(impostor) < 1 for low, _ in bounds])
    return OperatingThresholds(thresholds.double(), lower.double(), upper.double().masked_fill(open_above, torch.inf))


def lowest_thresholds(impostor: Tensor, rates: Sequence[float]) -> Tensor:
    """Return for each rate the lowest number that no more than that share of scores reaches, ``(R,)``.

    Example:
        >>> lowest_thresholds(torch.tensor([0.1, 0.5, 0.5, 0.9], dtype=torch.double), (0.25, 0.5))
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    return _above(impostor.sort(descending=True).values, rates)


def _above(ordered: Tensor, rates: Sequence[float]) -> Tensor:
    bounds = bounds_of_ordered(ordered if ordered.is_floating_point() else ordered.double(), rates)
    return torch.nextafter(bounds, torch.full_like(bounds, torch.inf))
