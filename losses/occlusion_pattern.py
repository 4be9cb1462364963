"""Occlusion patterns: which block of a grid is covered, as a class, and the loss of a classifier of it."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from losses.distances import promoted
from losses.label_map import occluded


def pattern_count(grid: int) -> int:
    """Return how many patterns a grid of K × K cells has: its blocks of adjacent cells, (K (K + 1) / 2)², and none.

    Raises:
        ValueError: If ``grid`` is below 1.

    Example:
        >>> [pattern_count(grid) for grid in (1, 2, 4)]
        [2, 10, 101]
    """
    if grid < 1:
        raise ValueError(f"Expected `grid` of at least 1, got {grid}")
    return (grid * (grid + 1) // 2) ** 2 + 1


def occlusion_patterns(masks: Tensor, grid: int) -> Tensor:
    """Return the pattern of each label map: the block of adjacent cells with the largest IoU with what is covered.

    Patterns are counted from 1 by the rows of a block and then its columns, each from first to last: 1 is the first
    cell alone, the last is the whole grid's last cell. 0 is a face that nothing covers. Of equal ones the first counts.

    Source: Qiu et al. (2021), FROM, https://arxiv.org/abs/2108.09468.

    Args:
        masks: Label maps, bool or integer, shape ``(B, H, W)``: 0 is clean, 255 is ignored and so
            not covered, any other value is occluded.
        grid: K, cells in a row and in a column, at most H and W.

    Returns:
        ``(B,)`` int64, below ``pattern_count(grid)``.

    Raises:
        ValueError: If the shape is not that, or ``grid`` out of range.

    Example:
        >>> mask = torch.zeros(3, 4, 4, dtype=torch.uint8)
        >>> mask[1, :2, :2], mask[2, :, 2:] = 1, 1  # the cell at the top left; both at the right
        >>> occlusion_patterns(mask, grid=2)  # rows: first, both, second; columns: the same
        tensor([0, 1, 6])
    """
    if masks.ndim != 3:
        raise ValueError(f"Expected label maps of shape (B, H, W), got {tuple(masks.shape)}")
    if not 1 <= grid <= min(masks.shape[1:]):
        raise ValueError(f"Expected `grid` from 1 to the label map's {min(masks.shape[1:])}, got {grid}")
    covered = occluded(masks).float()
    rows, columns = (_spans(side, grid, masks.device) for side in masks.shape[1:])  # (P, H), (P, W)
    with torch.autocast(masks.device.type, enabled=False):  # counts of pixels, which half precision rounds
        inside = rows @ covered @ columns.T  # (B, P, P)
    sizes = rows.sum(1)[:, None] * columns.sum(1)  # (P, P)
    total = covered.sum((1, 2))  # (B,)
    overlap = (inside / (sizes + total[:, None, None] - inside)).flatten(1)  # (B, P²)
    return torch.where(total > 0, overlap.argmax(1) + 1, 0)


def occlusion_pattern_loss(scores: Tensor, masks: Tensor, grid: int) -> Tensor:
    """Compute the cross-entropy of scores of the occlusion patterns.

    Source: the occlusion pattern predictor of FROM, Qiu et al. (2021), https://arxiv.org/abs/2108.09468.

    Args:
        scores: Of each pattern, shape ``(B, pattern_count(grid))``.
        masks: Label maps, shape ``(B, H, W)``; see :func:`occlusion_patterns`.
        grid: K, cells in a row and in a column.

    Returns:
        Scalar, at least float32.

    Raises:
        ValueError: If the shapes do not fit each other and ``grid``.

    Example:
        >>> occlusion_pattern_loss(torch.zeros(2, 2), torch.zeros(2, 4, 4, dtype=torch.bool), grid=1)  # log 2
        tensor(0.6931)
    """
    expected = (len(masks), pattern_count(grid))
    if tuple(scores.shape) != expected or not len(masks):
        raise ValueError(f"Expected non-empty scores of shape (B, patterns) = {expected}, got {tuple(scores.shape)}")
    return cross_entropy(promoted(scores), occlusion_patterns(masks, grid))


class OcclusionPatternLoss(nn.Module):
    """Module form of :func:`occlusion_pattern_loss`, for configs.

    Args:
        grid: K, cells in a row and in a column; the authors' code has 4.

    Raises:
        ValueError: If ``grid`` is below 1.

    Example:
        >>> loss = OcclusionPatternLoss(grid=2)
        >>> loss.num_patterns, loss(torch.zeros(1, 10), torch.ones(1, 4, 4, dtype=torch.bool))  # log 10
        (10, tensor(2.3026))
    """

    def __init__(self, grid: int = 4) -> None:
        super().__init__()
        self.grid = grid
        self.num_patterns = pattern_count(grid)

    def forward(self, scores: Tensor, masks: Tensor) -> Tensor:
        """Return the scalar loss of ``(B, num_patterns)`` scores and ``(B, H, W)`` label maps."""
        return occlusion_pattern_loss(scores, masks, self.grid)


def _spans(side: int, grid: int, device: torch.device) -> Tensor:
    """Return which pixels of a side lie in each run of adjacent cells, ``(P, side)``: 1 or 0."""
    bounds = [round(cell * side / grid) for cell in range(grid + 1)]
    runs = [(first, last) for first in range(grid) for last in range(first + 1, grid + 1)]
    spans = torch.zeros(len(runs), side, device=device)
    for span, (first, last) in zip(spans, runs, strict=True):
        span[bounds[first] : bounds[last]] = 1
    return spans
