"""Where occluders are centred, and the map between those places."""

import torch
from torch import Tensor


def centres(length: int, stride: int) -> Tensor:
    """Return every ``stride``-th pixel of an axis, the first and the last among them, int64.

    Example:
        >>> centres(8, 3)
        tensor([0, 3, 6, 7])
    """
    before = torch.arange(0, length - 1, stride)
    return torch.cat([before, torch.tensor([length - 1])])


def interpolate(values: Tensor, rows: Tensor, columns: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate a map bilinearly between its centres.

    Args:
        values: ``(h, w)``.
        rows: Rows of the centres, ``(h,)``, ascending from 0 to H − 1.
        columns: Columns of the centres, ``(w,)``, ascending from 0 to W − 1.
        size: H and W.

    Returns:
        ``(H, W)``; exact at the centres.

    Example:
        >>> at = torch.tensor([0, 2])
        >>> interpolate(torch.tensor([[0.0, 2.0], [4.0, 6.0]]), at, at, (3, 3))
        tensor([[0., 1., 2.],
                [2., 3., 4.],
                [4., 5., 6.]])
    """
    across, down = _weights(columns, size[1], values), _weights(rows, size[0], values)
    return down @ values @ across.T


def _weights(at: Tensor, length: int, like: Tensor) -> Tensor:
    """Return the weight of each centre at each pixel, ``(length, centres)``."""
    pixels = torch.arange(length, device=at.device)
    after = torch.searchsorted(at, pixels).clamp(min=min(1, len(at) - 1))
    before = (after - 1).clamp(min=0)
    gap = (at[after] - at[before]).clamp(min=1)
    share = ((pixels - at[before]) / gap).to(like.dtype)
    weights = like.new_zeros(length, len(at))
    weights[pixels, before] = 1 - share
    weights[pixels, after] += share
    return weights
