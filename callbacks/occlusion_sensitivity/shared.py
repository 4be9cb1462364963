"""First layers, computed once for all positions of an occluder.

Where the occluder is larger than the receptive field of a map's entries, an entry depends only on how the occluder's
edges cross its field: at most one horizontal and one vertical edge, each at one of ``field − 1`` places and from one
of two sides. A picture covered by a *grid* of squares, ``field − 1`` wide and as far apart, shows every entry one such
crossing; the grid's shifts show them all, in dense passes over whole pictures. Full bands and a fully covered picture
stand for fields that no edge crosses.

A map of larger fields takes more passes. Its passes start from a map of smaller fields that is shared already, as that
of the grid's squares is among its values too.
"""

from math import prod

import numpy as np
import torch
from torch import Tensor, fx

from callbacks.occlusion_sensitivity.crossings import OUTSIDE, covering_squares, crossings, grid
from callbacks.occlusion_sensitivity.plan import AXES, Plan
from callbacks.occlusion_sensitivity.sharing import shifts
from callbacks.occlusion_sensitivity.trace import between, shape_of


class Bank:
    """All values of a shared map that any position of the occluder leads to, for a block of images.

    Args:
        plan: Whose map it is.
        shared: The map, one of the plan's ``steps``.
        fill: The occluder's values, ``(C,)``.
        batch_size: Pictures computed at once.
        padding: Zeros around the map that readers may ask for, along rows and columns.
    """

    def __init__(self, plan: Plan, shared: fx.Node, fill: Tensor, batch_size: int, padding: tuple[int, int]) -> None:
        number = [step.node for step in plan.steps].index(shared)
        fields, lengths = plan.steps[number].fields, shape_of(plan.image)[1:]
        before = plan.steps[number - 1] if number else None
        self._before = Bank(plan, before.node, fill, batch_size, (0, 0)) if before else None
        self._prefix = between(plan.module, [before.node if before else plan.image], [shared])
        self._fill = fill.view(-1, 1, 1)
        self._batch_size = batch_size
        self._padding = padding
        channels, height, width = shape_of(shared)
        self._columns = shifts(fields[1]) + 1
        self._passes = (shifts(fields[0]) + 1) * self._columns
        self.shape = (self._passes + 1, height + 2 * padding[0], width + 2 * padding[1], channels)
        self._crossings = []
        self._grids = []
        for axis, entries in zip(AXES, (height, width), strict=True):
            found = crossings(plan.covered[axis], fields[axis], lengths[axis], entries)
            around = ((0, 0), (padding[axis], padding[axis]))
            found = np.pad(found, around, constant_values=OUTSIDE)
            self._crossings.append(torch.as_tensor(found, device=fill.device))
            self._grids.append(_grid(plan, number, axis).to(fill.device))
        self._values = fill.new_empty(0)

    @property
    def entries_before(self) -> int:
        """How many values earlier maps take, of one image at a time."""
        return prod(self._before.shape) + self._before.entries_before if self._before else 0

    def load(self, images: Tensor) -> None:
        """Fill the bank for a block of images ``(N, C, H, W)``."""
        if len(self._values) < len(images):
            self._values = images.new_zeros(len(images), *self.shape)
        inner = (slice(p, n - p) for p, n in zip(self._padding, self.shape[1:3], strict=True))
        places = self._values[:, :, *inner]  # (N, passes + 1, h, w, C)
        for image, bank in zip(images[:, None], places, strict=False):
            if self._before is not None:
                self._before.load(image)
            for start in range(0, len(bank), self._batch_size):
                part = bank[start : start + self._batch_size]
                index = torch.arange(start, start + len(part), device=images.device)
                part.copy_(self._prefix(self._under_grid(image, index))[0].permute(0, 2, 3, 1))

    def _under_grid(self, image: Tensor, index: Tensor) -> Tensor:
        """Return what passes of the grid start from, ``(b, C, H, W)``; the pass after the last covers nothing."""
        rows, columns = self._grids[0][index // self._columns], self._grids[1][index % self._columns]
        if self._before is None:
            return torch.where(rows[:, None, :, None] & columns[:, None, None, :], self._fill, image)
        places = [torch.arange(n, device=index.device).expand(len(index), n) for n in self._before.shape[1:3]]
        found = self._before._gather(torch.zeros_like(index), (rows, columns), (places[0], places[1]))
        return found.permute(0, 3, 1, 2)

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
        return self._gather(image, (crossing[0], crossing[1]), (rows, columns))

    def _gather(self, image: Tensor, crossing: tuple[Tensor, Tensor], places: tuple[Tensor, Tensor]) -> Tensor:
        """Return ``(B, height, width, C)`` of rows ``(B, height)`` and columns ``(B, width)``, and their crossings."""
        which = (crossing[0] * self._columns)[:, :, None] + crossing[1][:, None, :]  # (B, height, width)
        which = torch.where(which < 0, self._passes, which)
        maps, height, width, channels = self.shape
        place = (image * maps)[:, None, None] + which
        place = (place * height + places[0][:, :, None]) * width + places[1][:, None, :]
        return self._values.view(-1, channels).index_select(0, place.flatten()).view(*place.shape, channels)


def _grid(plan: Plan, number: int, axis: int) -> Tensor:
    """Return what each shift of a step's grid shows, and one more where nothing is covered.

    Of the image, which pixels are covered; of a map shared before, the crossing of each entry's field.
    """
    length, field = shape_of(plan.image)[1 + axis], plan.steps[number].fields[axis]
    if not number:
        shown = grid(length, field)
        return torch.cat([shown, torch.zeros_like(shown[:1])])
    before = plan.steps[number - 1]
    entries, ours = shape_of(before.node)[1 + axis], before.fields[axis]
    shown = torch.from_numpy(crossings(covering_squares(length, field, ours, entries), ours, length, entries))
    return torch.cat([shown, torch.full_like(shown[:1], OUTSIDE)])
