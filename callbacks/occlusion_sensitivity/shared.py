"""First layers, computed once for all positions of an occluder.

Where the occluder is larger than the receptive field of a map's entries, an entry depends only on how the occluder's
edges cross its field: at most one horizontal and one vertical edge, each at one of ``field − 1`` places and from one
of two sides. A picture covered by a *grid* of squares, ``field − 1`` wide and as far apart, shows every entry one such
crossing; the grid's shifts show them all, in dense passes over whole pictures. Full bands and a fully covered picture
stand for fields that no edge crosses.
"""

import numpy as np
import torch
from torch import Tensor, fx

from callbacks.occlusion_sensitivity.geometry import Ints, ReceptiveField, Spans
from callbacks.occlusion_sensitivity.plan import AXES, Plan, shifts
from callbacks.occlusion_sensitivity.trace import between, shape_of

OUTSIDE = -(2**30)
"""Crossing of a field that is not covered: stays negative when another is added."""


class Bank:
    """All values of the shared map that any position of the occluder leads to, for a block of images.

    Args:
        plan: Whose ``shared`` map it is.
        fill: The occluder's values, ``(C,)``.
        batch_size: Pictures computed at once.
        padding: Zeros around the map that readers may ask for, along rows and columns.
    """

    def __init__(self, plan: Plan, shared: fx.Node, fill: Tensor, batch_size: int, padding: tuple[int, int]) -> None:
        self._prefix = between(plan.module, [plan.image], [shared])
        self._fill = fill.view(-1, 1, 1)
        self._batch_size = batch_size
        self._padding = padding
        lengths = shape_of(plan.image)[1:]
        self._grids = [grid(lengths[a], plan.fields[a]).to(fill.device) for a in AXES]
        self._passes = len(self._grids[0]) * len(self._grids[1])
        channels, height, width = shape_of(shared)
        self.shape = (self._passes + 1, height + 2 * padding[0], width + 2 * padding[1], channels)
        rows, columns = (
            np.pad(
                crossings(plan.covered[a], plan.fields[a], lengths[a], (height, width)[a]),
                ((0, 0), (padding[a], padding[a])),
                constant_values=OUTSIDE,
            )
            for a in AXES
        )
        rows = np.where(rows < 0, OUTSIDE, rows * len(self._grids[1]))
        self._crossings = [torch.as_tensor(c, device=fill.device) for c in (rows, columns)]
        self._values = fill.new_empty(0)

    def load(self, images: Tensor) -> None:
        """Fill the bank for a block of images ``(N, C, H, W)``."""
        if len(self._values) < len(images):
            self._values = images.new_zeros(len(images), *self.shape)
        inner = (slice(p, n - p) for p, n in zip(self._padding, self.shape[1:3], strict=True))
        places = self._values[:, :, *inner]  # (N, passes, h, w, C)
        rows, columns = self._grids
        for image, bank in zip(images[:, None], places, strict=False):
            for start in range(0, self._passes, self._batch_size):
                index = torch.arange(start, min(start + self._batch_size, self._passes), device=images.device)
                mask = rows[index // len(columns), None, :, None] & columns[index % len(columns), None, None, :]
                covered = torch.where(mask, self._fill, image)  # (b, C, H, W)
                bank[start : start + len(index)] = self._prefix(covered)[0].permute(0, 2, 3, 1)
            bank[-1:] = self._prefix(image)[0].permute(0, 2, 3, 1)

    def read(
        self, image: Tensor, centre: tuple[Tensor, Tensor], start: tuple[Tensor, Tensor], size: tuple[int, int]
    ) -> Tensor:
        """Return a rectangle of the map of each occluded image.

        Args:
            image: Index in the block, ``(B,)``.
            centre: Row and column of the occluder, ``(B,)`` each.
            start: First row and column, ``(B,)`` each.
            size: Height and width.

        Returns:
            ``(B, height, width, C)``.
        """
        rows, columns = (
            (s + p)[:, None] + torch.arange(n, device=s.device)
            for s, p, n in zip(start, self._padding, size, strict=True)
        )  # (B, height), (B, width)
        crossing = [table[c[:, None], r] for table, c, r in zip(self._crossings, centre, (rows, columns), strict=True)]
        which = crossing[0][:, :, None] + crossing[1][:, None, :]  # (B, height, width)
        which = torch.where(which < 0, self._passes, which)
        maps, height, width, channels = self.shape
        place = (image * maps)[:, None, None] + which
        place = (place * height + rows[:, :, None]) * width + columns[:, None, :]
        return self._values.view(-1, channels).index_select(0, place.flatten()).view(*place.shape, channels)


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
    squares = (torch.arange(length) - shift) % max(period, 1) < field.size - 1  # (period, length)
    return torch.cat([squares, torch.ones(1, length, dtype=torch.bool)])


def crossings(spans: Spans, field: ReceptiveField, length: int, entries: int) -> Ints:
    """Return the shift in which an entry's field looks as under the occluder, for every centre and entry.

    Args:
        spans: Pixels covered, by centre.
        field: Of the entries.
        length: Of the image.
        entries: Of the map.

    Returns:
        ``(len(spans.start), entries)``, ``OUTSIDE`` where the field is not covered at all.
    """
    first = np.arange(entries) * field.jump + field.first  # (entries,)
    last = first + field.size - 1
    period = max(shifts(field), 1)
    start, stop = spans.start[:, None], spans.stop[:, None]
    # an edge on the image's border is none: there is nothing beyond it
    begins = (start > first) & (start > 0)
    ends = (stop <= last) & (stop < length)
    shift = np.where(begins, start % period, np.where(ends, (stop - (field.size - 1)) % period, shifts(field)))
    return np.where((start > last) | (stop <= first), OUTSIDE, shift)
