"""How an occluder's edges cross receptive fields along an axis, and the grids of squares that show every crossing."""

import numpy as np
import torch
from torch import Tensor

from callbacks.occlusion_sensitivity.geometry import Ints, ReceptiveField, Spans
from callbacks.occlusion_sensitivity.sharing import shifts

OUTSIDE = -(2**30)
"""Crossing of a field that is not covered: stays negative when another is added."""


def grid(length: int, field: ReceptiveField) -> Tensor:
    """Return the covered pixels of every shift along one axis, ``(shifts + 1, length)`` bool; the last is all.

    Example:
        >>> grid(6, ReceptiveField(jump=1, first=-1, last=1)).int()
        tensor([[1, 1, 0, 0, 1, 1],
                [0, 1, 1, 0, 0, 1],
                [0, 0, 1, 1, 0, 0],
                [1, 0, 0, 1, 1, 0],
                [1, 1, 1, 1, 1, 1]], dtype=torch.int32)
    """
    period = shifts(field)
    shift = torch.arange(period)[:, None]
    covered = (torch.arange(length) - shift) % max(period, 1) < field.size - 1  # (period, length)
    return torch.cat([covered, torch.ones(1, length, dtype=torch.bool)])


def covering_squares(length: int, field: ReceptiveField, smaller: ReceptiveField, entries: int) -> Spans:
    """Return the square of every shift of a grid that covers part of each entry's smaller field, if any does.

    Args:
        length: Of the image.
        field: Whose grid it is.
        smaller: Of the entries.
        entries: Of their map.

    Returns:
        ``(shifts + 1, entries)`` each; past the image where no square comes after the field's first pixel.

    Example:
        >>> point = ReceptiveField(1, 0, 0)
        >>> covering_squares(4, ReceptiveField(jump=1, first=-1, last=1), point, 4).start.tolist()
        [[0, 0, 4, 4], [1, 1, 1, 5], [2, 2, 2, 2], [-1, 3, 3, 3], [0, 0, 0, 0]]
    """
    side, period = field.size - 1, max(shifts(field), 1)
    shift = np.arange(shifts(field))[:, None]
    seen = np.maximum(np.arange(entries) * smaller.jump + smaller.first, 0)  # first pixel in the image
    start = shift - (shift + side - 1 - seen) // period * period  # the first whose end lies behind it
    start = np.concatenate([start, np.zeros((1, entries), np.int64)])
    stop = np.concatenate([start[:-1] + side, np.full((1, entries), length)])
    return Spans(start, stop)


def crossings(spans: Spans, field: ReceptiveField, length: int, entries: int) -> Ints:
    """Return the shift in which an entry's field looks as under the occluder, for every centre and entry.

    Args:
        spans: Pixels covered, by centre ``(P,)``, or by centre and entry ``(P, entries)``.
        field: Of the entries.
        length: Of the image.
        entries: Of the map.

    Returns:
        ``(P, entries)``, ``OUTSIDE`` where the field is not covered at all.
    """
    first = np.arange(entries) * field.jump + field.first  # (entries,)
    last = first + field.size - 1
    period = max(shifts(field), 1)
    start, stop = (limit.reshape(len(limit), -1) for limit in spans)  # (P, 1 or entries)
    # an edge on the image's border is none: there is nothing beyond it
    begins = (start > first) & (start > 0)
    ends = (stop <= last) & (stop < length)
    shift = np.where(begins, start % period, np.where(ends, (stop - (field.size - 1)) % period, shifts(field)))
    return np.where((start > last) | (start >= length) | (stop <= first), OUTSIDE, shift)
