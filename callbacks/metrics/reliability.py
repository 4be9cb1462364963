"""Whether a probability of an occluder is the share of such pixels that are covered."""

import torch
from torch import Tensor

from losses.label_map import counted, occluded

BINS = 15


def reliability_counts(probability: Tensor, mask: Tensor, bins: int = BINS) -> Tensor:
    """Count pixels by their probability, for each image; pixels that the truth ignores are left out.

    Args:
        probability: That a pixel shows an occluder, in [0, 1], ``(B, H, W)``.
        mask: Label maps, ``(B, H, W)``.
        bins: Intervals of equal width K; an upper bound belongs to the next, 1 to the last.

    Returns:
        ``(B, K, 3)`` float64: pixels, sum of their probabilities, covered ones.

    Raises:
        ValueError: If shapes differ, a probability is none, or ``bins`` is below 1.
    """
    if probability.shape != mask.shape or mask.ndim != 3:
        raise ValueError(f"Expected two of shape (B, H, W), got {tuple(probability.shape)} and {tuple(mask.shape)}")
    if bins < 1:
        raise ValueError(f"Expected `bins` of at least 1, got {bins}")
    if not bool(((probability >= 0) & (probability <= 1)).all()):  # NaN is none either
        raise ValueError("Expected probabilities in [0, 1], got others or NaN")
    values = torch.stack([torch.ones_like(probability), probability, occluded(mask).to(probability)]).double()
    bounds = torch.linspace(0, 1, bins + 1, device=probability.device, dtype=probability.dtype)
    place = (torch.bucketize(probability.contiguous(), bounds, right=True) - 1).clamp(max=bins - 1)
    place = place + bins * torch.arange(len(mask), device=mask.device)[:, None, None]
    counts = counted(mask)
    found = torch.zeros(3, len(mask) * bins, dtype=torch.float64, device=mask.device)
    found.index_add_(1, place[counts], values[:, counts])
    return found.view(3, len(mask), bins).permute(1, 2, 0)


def expected_calibration_error(counts: Tensor) -> Tensor:
    r"""Return the mean distance of probability and share, :math:`\sum_k \frac{n_k}{N} \lvert p_k - o_k \rvert`.

    Source: Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017, On calibration of modern neural networks.

    Args:
        counts: Pixels, sum of probabilities and covered pixels of each interval, ``(..., K, 3)``.

    Returns:
        ``(...)``; NaN without a pixel.

    Example:
        >>> expected_calibration_error(torch.tensor([[8.0, 2.0, 2.0], [2.0, 1.8, 1.0]]))  # 2 of 10 pixels, by 0.4
        tensor(0.0800)
    """
    pixels, expected, found = counts.unbind(-1)
    return (expected - found).abs().sum(-1) / pixels.sum(-1)
