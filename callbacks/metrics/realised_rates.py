"""What a threshold that was set elsewhere does here."""

import math
from typing import NamedTuple

from torch import Tensor

from callbacks.metrics.metric_checks import check_finite


class Realised(NamedTuple):
    """A rate with its binomial interval."""

    rate: float
    lower: float
    upper: float


def realised_rate(errors: int, trials: int, confidence: float = 0.95) -> Realised:
    """Return a share of trials with the interval of Clopper and Pearson, which holds the true rate at least as often.

    Source: Clopper and Pearson 1934; computed by scipy.

    Args:
        errors: How many.
        trials: Of how many, independent of each other, at least 1.
        confidence: In ``(0, 1)``.

    Raises:
        ValueError: If there are no trials, or more errors than trials.

    Example:
        >>> [round(value, 4) for value in realised_rate(0, 3000)]
        [0.0, 0.0, 0.0012]
    """
    from scipy.stats import binomtest  # noqa: PLC0415  takes half a second: pay only when used

    if not 0 <= errors <= trials or trials < 1:
        raise ValueError(f"Expected at least 1 trial and no more errors than trials, got {errors} of {trials}")
    bounds = binomtest(errors, trials).proportion_ci(confidence, method="exact")
    return Realised(errors / trials, float(bounds.low), float(bounds.high))


def rates_at_threshold(scores: Tensor, same: Tensor, threshold: float) -> tuple[Realised | None, Realised | None]:
    """Return false accept rate and false reject rate at a threshold; a score that reaches it is accepted.

    Args:
        scores: Similarities, ``(N,)``.
        same: Whether the pair shows one identity, ``(N,)`` bool.
        threshold: Compared in double precision.

    Returns:
        Of impostor and genuine pairs; ``None`` for a kind of which there are none.

    Raises:
        ValueError: If scores are not finite or the threshold is NaN.

    Example:
        >>> import torch
        >>> rates = rates_at_threshold(torch.tensor([0.9, 0.5, 0.5]), torch.tensor([True, True, False]), 0.5)
        >>> [rate.rate for rate in rates]
        [1.0, 0.0]
    """
    check_finite("scores", scores.isfinite())
    if math.isnan(threshold):
        raise ValueError("Expected a threshold, got NaN")
    accepted, genuine = scores.double() >= threshold, same.bool()
    return _share(accepted[~genuine]), _share(~accepted[genuine])


def _share(errors: Tensor) -> Realised | None:
    return realised_rate(int(errors.sum()), len(errors)) if len(errors) else None
