"""Error versus discard: how many genuine pairs are still rejected when those of the lowest quality are left out."""

import torch
from torch import Tensor

from callbacks.metrics.metric_checks import check_finite


def error_versus_discard(rejected: Tensor, quality: Tensor, discarded: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Return the false reject rate of the pairs that are left when a share of lowest quality is discarded.

    .. math::
        \mathrm{FRR}(d) = \frac{|\{i : s_i < t, \; Q_i > F_Q^{-1}(d)\}|}{(1 - d) \, N}, \qquad Q_i = \min(q_i, q_i')

    Of pairs of one quality each is discarded as likely as another: the rate is the expected one.

    Source: Grother and Tabassi 2007, "Performance of biometric quality measures", where it is error versus reject; the
    threshold t stays as it is, and a pair's quality is that of its worse face.

    Args:
        rejected: Whether a genuine pair is rejected, ``(N,)`` bool.
        quality: Of each pair, ``(N,)``, higher for better.
        discarded: Shares d in ``[0, 1)``, ``(K,)``.
        weights: How often each pair counts, ``(R, N)``; by default once.

    Returns:
        ``(R, K)`` float64, ``(K,)`` without weights; NaN in rows in which no pair counts.

    Raises:
        ValueError: If shapes differ, there is no pair, a quality is not finite, or a share is out of range.

    Example:
        >>> rejected, quality = torch.tensor([True, False, False, True]), torch.tensor([0.1, 0.2, 0.9, 0.5])
        >>> error_versus_discard(rejected, quality, torch.tensor([0.0, 0.25, 0.75])).tolist()
        [0.5, 0.3333333333333333, 0.0]
    """
    if rejected.ndim != 1 or rejected.shape != quality.shape or not len(rejected):
        raise ValueError(f"Expected pairs (N,) and their quality, got {tuple(rejected.shape)}, {tuple(quality.shape)}")
    check_finite("qualities", quality.isfinite())
    if not bool(((discarded >= 0) & (discarded < 1)).all()):
        raise ValueError(f"Expected shares to discard in [0, 1), got {discarded.tolist()}")
    counts = torch.ones(1, len(rejected), dtype=torch.float64) if weights is None else weights.double()
    values, level = torch.unique(quality, return_inverse=True)
    pairs, errors = (
        torch.zeros(len(counts), 1 + len(values), dtype=torch.float64).index_add_(1, 1 + level, part).cumsum(1)
        for part in (counts, counts * rejected)
    )  # (R, 1 + levels) below each level of quality
    left_out = discarded.double() * pairs[:, -1:]  # (R, K)
    above = torch.searchsorted(pairs, left_out).clamp(min=1)
    below = above - 1
    within = (left_out - pairs.gather(1, below)) / (pairs.gather(1, above) - pairs.gather(1, below))
    gone = torch.lerp(errors.gather(1, below), errors.gather(1, above), within.nan_to_num())
    rates = (errors[:, -1:] - gone).clamp(min=0) / (pairs[:, -1:] - left_out)
    return rates[0] if weights is None else rates


def discard_gain(rates: Tensor, discarded: Tensor) -> Tensor:
    r"""Return how much of what could be won is won by discarding: 1 for rejected pairs first, 0 for pairs at random.

    It is the area between the curve and its first value, as a share of that of the best curve,
    :math:`\max(0, (\mathrm{FRR}(0) - d) / (1 - d))`; negative where better pairs are discarded first.

    Source: the area of Schlett et al. 2023, "Considerations on the evaluation of biometric quality assessment
    algorithms", between the curve that discards at random and the best one.

    Args:
        rates: Of :func:`error_versus_discard`, ``(..., K)``.
        discarded: Shares ``(K,)`` from 0 in equal steps.

    Returns:
        ``(...)``; NaN where nothing is rejected.

    Example:
        >>> shares = torch.linspace(0, 0.5, 6).double()
        >>> best = error_versus_discard(torch.tensor([True, False]), torch.tensor([0.0, 1.0]), shares)
        >>> float(discard_gain(best, shares)), float(discard_gain(torch.full((6,), 0.5).double(), shares))
        (1.0, 0.0)
    """
    first = rates[..., :1]
    best = ((first - discarded) / (1 - discarded)).clamp(min=0)
    return torch.trapezoid(first - rates, discarded) / torch.trapezoid(first - best, discarded)
