"""Logits of occluded images, recomputing only what the occluder can have changed."""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx
from torch.nn.functional import pad

from callbacks.occlusion_sensitivity.geometry import Ints, Spans
from callbacks.occlusion_sensitivity.plan import AXES, Pair, Plan
from callbacks.occlusion_sensitivity.shared import Bank
from callbacks.occlusion_sensitivity.trace import between, shape_of
from callbacks.occlusion_sensitivity.windowed_layers import Layer


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


@dataclass(frozen=True, eq=False)
class Read:
    """One use of a map: the rectangle of it that a layer's window needs, by centre."""

    node: fx.Node
    region: tuple[Spans, Spans]
    """Along rows and columns; it may reach over the border, which is padding."""
    window: tuple[Spans, Spans]
    """What is recomputed."""
    pad_value: float
    padding: Pair
    """Before the first row and column of the map kept."""
    shape: tuple[int, int, int]
    """Height, width and channels of the map kept, padding included."""
    first: tuple[Tensor, Tensor]
    """First row and column of the region, ``(H,)`` and ``(W,)``."""
    places: tuple[Tensor, Tensor]
    """What these add to the place in the map kept."""
    offsets: tuple[Tensor, Tensor]
    """Where in the region the window starts."""
    alike: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    """Whether the offset is that of all centres of the class, by centre."""

    def size(self, example: Pair) -> Pair:
        """Height and width of the region."""
        height, width = (int(self.region[a].size[example[a]]) for a in AXES)
        return height, width

    def offset(self, axis: int, centre: int) -> int:
        """Where in the region the window starts; before it, if negative."""
        return int(self.window[axis].start[centre] - self.region[axis].start[centre])

    def overlap(self, example: Pair) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return where in the region the window lies, and which part of the window that is."""
        into, part = [], []
        for axis in AXES:
            offset, size = self.offset(axis, example[axis]), int(self.window[axis].size[example[axis]])
            start = max(offset, 0)
            stop = max(start, min(offset + size, int(self.region[axis].size[example[axis]])))
            into.append(slice(start, stop))
            part.append(slice(start - offset, stop - offset))
        return (into[0], into[1]), (part[0], part[1])


class WindowedNetwork:
    """Evaluates a planned network on a block of images under an occluder.

    Clean maps are kept for the block. For occluded images each layer is run on the window that can have changed,
    within a patch whose border comes from the clean map. Maps are stored channels last, so that a place is a row.

    Args:
        plan: From :func:`.plan.make_plan`.
        fill: The occluder's values, ``(C,)``.
        batch_size: Whole pictures computed at once.
    """

    def __init__(self, plan: Plan, fill: Tensor, batch_size: int) -> None:
        self.plan = plan
        self._fill = fill
        self._batch_size = batch_size
        self._reads = [[_read(plan, layer, node, fill.device) for node in layer.inputs] for layer in plan.layers]
        self._whole = [_read(plan, None, node, fill.device) for node in plan.results]
        reads = [read for group in (*self._reads, self._whole) for read in group if read.node is not plan.shared]
        self._kept = {(read.node, read.pad_value, read.shape): read for read in reads}
        self._nodes = list(dict.fromkeys(read.node for read in reads))
        self._clean = between(plan.module, [plan.image], self._nodes)
        self._tail = between(plan.module, plan.results, [plan.output])
        self._last_use = {node: index for index, layer in enumerate(plan.layers) for node in layer.inputs}
        self._last_use |= dict.fromkeys(plan.results, len(plan.layers))
        self._maps: dict[tuple[fx.Node, float, tuple[int, int, int]], Tensor] = {}
        self._offsets: dict[tuple[int, int, int], Tensor] = {}
        self._covered = [[torch.as_tensor(limit, device=fill.device) for limit in plan.covered[a]] for a in AXES]
        self._pixels = torch.arange(2 * max(shape_of(plan.image)[1:]), device=fill.device)
        self._bank = None
        if plan.shared is not None:
            uses = [read for group in (*self._reads, self._whole) for read in group if read.node is plan.shared]
            around = [
                max(max(use.padding[a], use.shape[a] - use.padding[a] - shape_of(use.node)[1 + a]) for use in uses)
                for a in AXES
            ]
            self._bank = Bank(plan, plan.shared, fill, batch_size, (around[0], around[1]))

    @property
    def bytes_per_image(self) -> int:
        """What is kept of an image."""
        entries = sum(prod(read.shape) for read in self._kept.values()) + (prod(self._bank.shape) if self._bank else 0)
        return entries * self._fill.element_size()

    def load(self, images: Tensor) -> None:
        """Keep what is needed of ``(N, C, H, W)`` images."""
        parts = [self._clean(part) for part in torch.split(images, self._batch_size)]
        by_node = dict(zip(self._nodes, (torch.cat(column) for column in zip(*parts, strict=True)), strict=True))
        self._maps = {key: _padded(by_node[key[0]], read) for key, read in self._kept.items()}
        if self._bank is not None:
            self._bank.load(images)

    def logits(self, chunk: Chunk) -> Tensor:
        """Return ``(B, n)`` logits of a chunk of occluded images."""
        windows: dict[fx.Node, Window] = {}
        for index, (layer, reads) in enumerate(zip(self.plan.layers, self._reads, strict=True)):
            windows[layer.node] = self._run(index, layer, reads, chunk, windows)
            for node in layer.inputs:
                if self._last_use[node] == index:  # its memory serves the next layer while still in the cache
                    windows.pop(node, None)
        whole = [self._read(read, chunk, windows).permute(0, 3, 1, 2) for read in self._whole]
        logits: Tensor = self._tail(*whole)[0]
        return logits

    def _run(self, index: int, layer: Layer, reads: list[Read], chunk: Chunk, windows: dict[fx.Node, Window]) -> Window:
        before = windows.get(layer.inputs[0])
        if layer.is_relu and before is not None:
            last = self._last_use[layer.inputs[0]] == index
            return before._replace(relu=True, own=before.own and last)
        inputs = [self._read(read, chunk, windows).permute(0, 3, 1, 2) for read in reads]  # (B, C, h, w)
        return Window(layer.run(inputs).permute(0, 2, 3, 1))

    def _read(self, read: Read, chunk: Chunk, windows: dict[fx.Node, Window]) -> Tensor:
        """Return ``(B, h, w, C)``: recomputed values where there are some, else clean ones."""
        size = read.size(chunk.example)
        if self._bank is not None and read.node is self.plan.shared:
            start = (read.first[0][chunk.centre[0]], read.first[1][chunk.centre[1]])
            return self._bank.read(chunk.image, chunk.centre, start, size)
        if read.node is self.plan.image:
            return self._occlude(read, chunk, self._clean_region(read, chunk, size)[:-1].view(-1, *size, read.shape[2]))
        window = windows[read.node]
        if all(read.alike[axis][chunk.example[axis]] for axis in AXES):
            into, part = read.overlap(chunk.example)
            window = window.crop(*part)
            if window.values.shape[1:3] == size:
                return window.done()
            region = self._clean_region(read, chunk, size)[:-1].view(-1, *size, read.shape[2])
            window.write(region[:, into[0], into[1]])
            return region
        region = self._clean_region(read, chunk, size)
        offset = (read.offsets[0][chunk.centre[0]], read.offsets[1][chunk.centre[1]])
        targets = _targets(offset, window.values.shape[1:3], size)
        region.index_copy_(0, targets, window.done().reshape(-1, read.shape[2]))
        return region[:-1].view(-1, *size, read.shape[2])

    def _clean_region(self, read: Read, chunk: Chunk, size: Pair) -> Tensor:
        """Return ``(B · h · w + 1, C)`` clean places, and one more that takes what lies outside."""
        height, width, channels = read.shape
        place = chunk.image * (height * width) + read.places[0][chunk.centre[0]] + read.places[1][chunk.centre[1]]
        place = place[:, None] + self._offset(width, size)
        clean = self._maps[read.node, read.pad_value, read.shape]
        region = clean.new_empty(place.numel() + 1, channels)
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


def _read(plan: Plan, layer: Layer | None, node: fx.Node, device: torch.device) -> Read:
    """Describe a layer's use of a map; without a layer, a use of the whole map."""
    channels, *lengths = shape_of(node)
    region, before, after = [], [], []
    for axis in AXES:
        if layer is None:
            zeros = np.zeros_like(plan.spans[axis][node].start)
            region.append(Spans(zeros, zeros + lengths[axis]))
        else:
            ours = plan.spans[axis][layer.node]
            region.append(ours if layer.sliding is None else layer.sliding[axis].inputs(ours))
        sliding = layer.sliding[axis] if layer is not None and layer.sliding is not None else None
        before.append(sliding.padding if sliding else 0)
        after.append(max(sliding.overhang, 0) if sliding else 0)
    height, width = (lengths[a] + before[a] + after[a] for a in AXES)
    first = [torch.as_tensor(region[a].start, device=device) for a in AXES]
    offsets = [plan.spans[a][node].start - region[a].start for a in AXES]
    return Read(
        node=node,
        region=(region[0], region[1]),
        window=(plan.spans[0][node], plan.spans[1][node]),
        pad_value=layer.pad_value if layer is not None else 0.0,
        padding=(before[0], before[1]),
        shape=(height, width, channels),
        first=(first[0], first[1]),
        places=((first[0] + before[0]) * width, first[1] + before[1]),
        offsets=(torch.as_tensor(offsets[0], device=device), torch.as_tensor(offsets[1], device=device)),
        alike=(_alike(offsets[0], plan.classes[0]), _alike(offsets[1], plan.classes[1])),
    )


def _targets(offset: tuple[Tensor, Tensor], window: torch.Size, region: Pair) -> Tensor:
    """Return the place of each entry of windows in their regions, the place after the last for those outside."""
    rows, columns = (
        o[:, None] + torch.arange(n, device=o.device) for o, n in zip(offset, window, strict=True)
    )  # (B, h), (B, w)
    height, width = region
    first = torch.arange(len(rows), device=rows.device)[:, None] * (height * width)
    end = len(rows) * height * width
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
    return torch.where(inside, (first + rows * width)[:, :, None] + columns[:, None], end).flatten()


def _alike(offsets: Ints, classes: Ints) -> NDArray[np.bool_]:
    """Return for each centre whether all of its class have its offset."""
    low, high = np.full(classes.max() + 1, np.iinfo(np.int64).max), np.full(classes.max() + 1, np.iinfo(np.int64).min)
    np.minimum.at(low, classes, offsets)
    np.maximum.at(high, classes, offsets)
    return np.asarray((low == high)[classes])


def _padded(maps: Tensor, read: Read) -> Tensor:
    """Return ``(N, C, H, W)`` maps as ``(N · height · width, C)`` places."""
    height, width, channels = read.shape
    top, left = read.padding
    around = (left, width - left - maps.shape[3], top, height - top - maps.shape[2])
    return pad(maps, around, value=read.pad_value).permute(0, 2, 3, 1).reshape(-1, channels)
