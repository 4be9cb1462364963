"""How well the outline of a segmentation follows the true one, whatever the area within."""

from math import hypot

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor

from losses.label_map import counted, occluded

TOLERANCE = 0.0075
"""Of the diagonal of the image, as in the source."""


def boundary_counts(segmentation: Tensor, mask: Tensor, tolerance: float = TOLERANCE) -> Tensor:
    """Count pixels of outlines that lie near the other outline, for each image.

    An outline are the covered pixels beside one that is not; only pixels that count are looked at, so that neither the
    image's border nor that of an ignored region is one.

    Source: Csurka, Larlus and Perronnin 2013, What is a good evaluation measure for semantic segmentation?

    Args:
        segmentation: 1 where an occluder is seen, ``(B, H, W)``.
        mask: Label maps, ``(B, H, W)``.
        tolerance: How far apart outlines may be, as a share of the diagonal; a pixel at least.

    Returns:
        ``(B, 4)`` int64: seen outline near the true one, seen outline, true outline near the seen one, true outline.

    Raises:
        ValueError: If shapes differ, or ``tolerance`` is negative.
    """
    if segmentation.shape != mask.shape or mask.ndim != 3:
        raise ValueError(f"Expected two of shape (B, H, W), got {tuple(segmentation.shape)} and {tuple(mask.shape)}")
    if not 0 <= tolerance < 1:
        raise ValueError(f"Expected `tolerance` in [0, 1), got {tolerance}")
    counts = counted(mask)
    seen, true = (_outline(covered, counts) for covered in (segmentation != 0, occluded(mask)))
    radius = max(1, round(tolerance * hypot(*mask.shape[1:])))
    near_true, near_seen = (_grown(outline, radius) for outline in (true, seen))
    return torch.stack([part.sum((1, 2)) for part in (seen & near_true, seen, true & near_seen, true)], 1)


def boundary_f(counts: Tensor) -> Tensor:
    """Return the harmonic mean of precision and recall of each image's outline; NaN where there is none in either.

    Args:
        counts: Of :func:`boundary_counts`, ``(B, 4)``.

    Example:
        >>> boundary_f(torch.tensor([[2, 4, 3, 3], [0, 5, 0, 0], [0, 0, 0, 0]]))
        tensor([0.6667, 0.0000,    nan])
    """
    near_true, seen, near_seen, true = counts.float().unbind(1)
    precision, recall = near_true / seen.clamp(min=1), near_seen / true.clamp(min=1)
    score = 2 * precision * recall / (precision + recall).clamp(min=1e-12)
    return torch.where(seen + true == 0, torch.nan, score)


def _outline(covered: Tensor, counts: Tensor) -> Tensor:
    """Return the covered pixels with a neighbour, above, below or beside, that is not and counts."""
    clean = F.pad((~covered & counts).float(), (1, 1, 1, 1))  # beyond the border nothing counts
    beside = clean[:, :-2, 1:-1] + clean[:, 2:, 1:-1] + clean[:, 1:-1, :-2] + clean[:, 1:-1, 2:]
    return covered & counts & (beside > 0)


def _grown(outline: Tensor, radius: int) -> Tensor:
    """Return the pixels no further than a radius from an outline, ``(B, H, W)`` bool."""
    steps = torch.arange(-radius, radius + 1, device=outline.device)
    disk = (steps[:, None] ** 2 + steps**2 <= radius**2).float()[None, None]
    return F.conv2d(outline.float()[:, None], disk, padding=radius)[:, 0] > 0.5
