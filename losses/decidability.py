"""Decidability: how well two distributions of scores can be told apart, at whatever threshold."""

import torch
from torch import Tensor

from losses.distances import promoted


def decidability(d_ap: Tensor, d_an: Tensor) -> Tensor:
    r"""Compute the decidability of genuine and impostor scores.

    .. math::
        d' = \frac{|\mu_{an} - \mu_{ap}|}{\sqrt{(\sigma^2_{ap} + \sigma^2_{an}) / 2}}

    Scaling or shifting all scores changes nothing, so distances and cosine similarities of L2-normalised embeddings,
    :math:`d = 2 - 2 \cos`, give the same.

    Source: Daugman's measure, Eq. 8 of Sáez Trigueros et al. (2018), https://arxiv.org/abs/1707.07923.

    Args:
        d_ap: Scores of genuine pairs, shape ``(N,)``.
        d_an: Scores of impostor pairs, shape ``(M,)``.

    Returns:
        Scalar, at least float32, not negative; 0 where all scores are equal, infinite where those of each kind are.

    Raises:
        ValueError: If either is empty or not one-dimensional.

    Example:
        >>> decidability(torch.tensor([1.0, 3.0]), torch.tensor([5.0, 9.0]))  # |7 - 2| / sqrt((1 + 4) / 2)
        tensor(3.1623)
    """
    if d_ap.ndim != 1 or d_an.ndim != 1 or not len(d_ap) or not len(d_an):
        raise ValueError(f"Expected non-empty scores (N,) and (M,), got {tuple(d_ap.shape)} and {tuple(d_an.shape)}")
    d_ap, d_an = promoted(d_ap), promoted(d_an)
    variance = (d_ap.var(correction=0) + d_an.var(correction=0)) / 2
    decided = (d_an.mean() - d_ap.mean()).abs() / variance.sqrt()
    # of equal numbers neither mean nor variance is exact
    constant = (d_ap == d_ap[0]).all() & (d_an == d_an[0]).all()
    return torch.where(constant, torch.where(d_ap[0] == d_an[0], 0.0, torch.inf), decided)
