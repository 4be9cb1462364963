"""Logits of occluded images, recomputing only what the occluder can have changed."""

from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, fx

from callbacks.occlusion_sensitivity.plan import AXES, Pair, Plan
from callbacks.occlusion_sensitivity.reads import Difference, Read, difference_of, read_of_layer, read_of_map
from callbacks.occlusion_sensitivity.shared import Bank
from callbacks.occlusion_sensitivity.trace import between, shape_of
from callbacks.occlusion_sensitivity.windowed_layers import Layer, Spread


class Chunk(NamedTuple):
    """Occluded images of one class: their windows have the same sizes."""

    image: Tensor
    """``(B,)`` index in the block."""
    centre: tuple[Tensor, Tensor]
    """``(B,)`` rows and ``(B,)`` columns."""
    example: Pair
    """Row and column of one of them."""


class Window(NamedTuple):
    """The recomputed part of a map, ``(B, h, w, C)``, on which a ReLU may be due."""

    values: Tensor
    relu: bool = False
    own: bool = True
    """Nobody else needs the values as they are."""

    def crop(self, rows: slice, columns: slice) -> "Window":
        """Return a part of the window."""
        return self._replace(values=self.values[:, rows, columns])

    def write(self, target: Tensor) -> None:
        """Write the values to a view of their size."""
        if self.relu:
            torch.clamp_min(self.values, 0, out=target)
        else:
            target.copy_(self.values)

    def done(self) -> Tensor:
        """Return the values."""
        if not self.relu:
            return self.values
        return self.values.relu_() if self.own else self.values.relu()


class WindowedNetwork:
    """Evaluates a planned network on a block of images under an occluder.

    Clean maps are kept for the block. For occluded images each layer is run on the window that can have changed,
    within a patch whose border comes from the clean map; or, a convolution where that is less work, on the window's
    difference from the clean map. Maps are stored channels last, so that a place is a row.

    Args:
        plan: From :func:`.plan.make_plan`.
        fill: The occluder's values, ``(C,)``.
        batch_size: Whole pictures computed at once.
    """

    def __init__(self, plan: Plan, fill: Tensor, batch_size: int) -> None:
        self.plan = plan
        self._fill = fill
        self._batch_size = batch_size
        device = fill.device
        self._differences = {layer.node: difference_of(plan, layer, device) for layer in plan.layers if layer.spread}
        self._reads = {
            layer.node: [read_of_layer(plan, layer, node, device) for node in layer.inputs]
            for layer in plan.layers
            if not layer.spread
        }
        self._whole = [read_of_map(plan, node, device) for node in plan.results]
        reads = [read for group in (*self._reads.values(), self._whole) for read in group]
        clean = [read for how in self._differences.values() for read in (how.before, how.after)]
        self._kept = {read.key: read for read in (*clean, *(r for r in reads if r.node is not plan.shared))}
        self._nodes = list(dict.fromkeys(read.node for read in self._kept.values()))
        self._clean = between(plan.module, [plan.image], self._nodes)
        self._tail = between(plan.module, plan.results, [plan.output])
        self._last_use = {node: index for index, layer in enumerate(plan.layers) for node in layer.inputs}
        self._last_use |= dict.fromkeys(plan.results, len(plan.layers))
        self._maps: dict[tuple[fx.Node, float, tuple[int, int, int]], Tensor] = {}
        self._offsets: dict[tuple[int, int, int], Tensor] = {}
        self._covered = [[torch.as_tensor(limit, device=device) for limit in plan.covered[a]] for a in AXES]
        self._pixels = torch.arange(2 * max(shape_of(plan.image)[1:]), device=device)
        self._memory = fill.new_empty(0)
        self._bank = self._make_bank([read for read in (*reads, *clean) if read.node is plan.shared])

    def _make_bank(self, uses: list[Read]) -> Bank | None:
        plan = self.plan
        if plan.shared is None:
            return None
        around = [
            max(max(use.padding[a], use.shape[a] - use.padding[a] - shape_of(use.node)[1 + a]) for use in uses)
            for a in AXES
        ]
        return Bank(plan, plan.shared, self._fill, self._batch_size, (around[0], around[1]))

    @property
    def bytes_per_image(self) -> int:
        """What is kept of an image."""
        entries = sum(prod(read.shape) for read in self._kept.values()) + (prod(self._bank.shape) if self._bank else 0)
        return entries * self._fill.element_size()

    @property
    def bytes_once(self) -> int:
        """What is kept beside, whatever the number of images."""
        return (self._bank.entries_before if self._bank else 0) * self._fill.element_size()

    def load(self, images: Tensor) -> None:
        """Keep what is needed of ``(N, C, H, W)`` images."""
        parts = [self._clean(part) for part in torch.split(images, self._batch_size)]
        by_node = dict(zip(self._nodes, (torch.cat(column) for column in zip(*parts, strict=True)), strict=True))
        self._maps = {key: read.padded(by_node[read.node]) for key, read in self._kept.items()}
        if self._bank is not None:
            self._bank.load(images)

    def logits(self, chunk: Chunk) -> Tensor:
        """Return ``(B, n)`` logits of a chunk of occluded images."""
        windows: dict[fx.Node, Window] = {}
        for index, layer in enumerate(self.plan.layers):
            windows[layer.node] = self._run(index, layer, chunk, windows)
            for node in layer.inputs:
                if self._last_use[node] == index:  # its memory serves the next layer while still in the cache
                    windows.pop(node, None)
        whole = [self._read(read, chunk, windows).permute(0, 3, 1, 2) for read in self._whole]
        logits: Tensor = self._tail(*whole)[0]
        return logits

    def _run(self, index: int, layer: Layer, chunk: Chunk, windows: dict[fx.Node, Window]) -> Window:
        before = windows.get(layer.inputs[0])
        if layer.is_relu and before is not None:
            last = self._last_use[layer.inputs[0]] == index
            return before._replace(relu=True, own=before.own and last)
        if layer.spread is not None:
            return Window(self._add_difference(self._differences[layer.node], layer.spread, chunk, windows))
        inputs = [self._read(read, chunk, windows).permute(0, 3, 1, 2) for read in self._reads[layer.node]]
        return Window(layer.run(inputs).permute(0, 2, 3, 1))  # of (B, C, h, w)

    def _add_difference(self, how: Difference, spread: Spread, chunk: Chunk, windows: dict[fx.Node, Window]) -> Tensor:
        """Return a convolution's window ``(B, h, w, C)``: its clean output, and what the input's difference adds."""
        values = self._read(how.before, chunk, windows)  # (B, h, w, C)
        clean = self._clean_region(how.before, chunk, passing=True)[:-1].view(values.shape)
        difference = torch.sub(values, clean, out=clean).permute(0, 3, 1, 2)
        added = spread(difference, how.zeros_of(chunk.example)).permute(0, 2, 3, 1)
        region, size = self._clean_region(how.after, chunk), how.after.size(chunk.example)
        found = region[:-1].view(-1, *size, added.shape[3])
        if how.after.is_alike(chunk.example):
            into, part = how.after.overlap(chunk.example)
            found[:, into[0], into[1]] += added[:, part[0], part[1]]
        else:
            targets = how.after.targets(chunk.centre, added.shape[1:3], size)
            region.index_add_(0, targets, added.reshape(-1, added.shape[3]))
        return found

    def _read(self, read: Read, chunk: Chunk, windows: dict[fx.Node, Window]) -> Tensor:
        """Return ``(B, h, w, C)``: recomputed values where there are some, else clean ones."""
        size = read.size(chunk.example)
        if self._bank is not None and read.node is self.plan.shared:
            start = (read.first[0][chunk.centre[0]], read.first[1][chunk.centre[1]])
            return self._bank.read(chunk.image, chunk.centre, start, size)
        if read.node is self.plan.image:
            return self._occlude(read, chunk, self._clean_region(read, chunk)[:-1].view(-1, *size, read.shape[2]))
        window = windows[read.node]
        if read.is_alike(chunk.example):
            into, part = read.overlap(chunk.example)
            window = window.crop(*part)
            if window.values.shape[1:3] == size:
                return window.done()
            region = self._clean_region(read, chunk)[:-1].view(-1, *size, read.shape[2])
            window.write(region[:, into[0], into[1]])
            return region
        region = self._clean_region(read, chunk)
        targets = read.targets(chunk.centre, window.values.shape[1:3], size)
        region.index_copy_(0, targets, window.done().reshape(-1, read.shape[2]))
        return region[:-1].view(-1, *size, read.shape[2])

    def _clean_region(self, read: Read, chunk: Chunk, *, passing: bool = False) -> Tensor:
        """Return ``(B · h · w + 1, C)`` clean places, and one more that takes what lies outside.

        What is ``passing`` is used before the next such: they share memory, as new memory is slow to touch.
        """
        height, width, channels = read.shape
        place = chunk.image * (height * width) + read.places[0][chunk.centre[0]] + read.places[1][chunk.centre[1]]
        place = place[:, None] + self._offset(width, read.size(chunk.example))
        clean = self._maps[read.key]
        entries = (place.numel() + 1) * channels
        if passing and len(self._memory) < entries:
            self._memory = clean.new_empty(entries)
        region = (self._memory[:entries] if passing else clean.new_empty(entries)).view(-1, channels)
        torch.index_select(clean, 0, place.flatten(), out=region[:-1])
        return region

    def _occlude(self, read: Read, chunk: Chunk, picture: Tensor) -> Tensor:
        """Put the occluder on regions ``(B, h, w, C)`` of the image."""
        inside = []
        for axis in AXES:
            pixel = read.first[axis][chunk.centre[axis], None] + self._pixels[: picture.shape[1 + axis]]  # (B, h)
            start, stop = (limit[chunk.centre[axis], None] for limit in self._covered[axis])
            inside.append((start <= pixel) & (pixel < stop))
        return torch.where((inside[0][:, :, None] & inside[1][:, None])[..., None], self._fill, picture)

    def _offset(self, width: int, size: Pair) -> Tensor:
        """Return what the places of a rectangle add to that of its first, ``(h · w,)``."""
        key = (width, *size)
        if key not in self._offsets:
            rows, columns = torch.arange(size[0]), torch.arange(size[1])
            self._offsets[key] = (rows[:, None] * width + columns).flatten().to(self._fill.device)
        return self._offsets[key]
