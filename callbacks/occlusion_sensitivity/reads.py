"""Which rectangle of a map is needed, by centre, and where in it what was recomputed lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx
from torch.nn.functional import pad

from callbacks.occlusion_sensitivity.geometry import Ints, Spans
from callbacks.occlusion_sensitivity.plan import AXES, Pair, Plan
from callbacks.occlusion_sensitivity.trace import shape_of
from callbacks.occlusion_sensitivity.windowed_layers import Layer


@dataclass(frozen=True, eq=False)
class Read:
    """One use of a map: the rectangle of it that is needed, by centre."""

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

    @property
    def key(self) -> tuple[fx.Node, float, tuple[int, int, int]]:
        """What tells the maps kept apart."""
        return self.node, self.pad_value, self.shape

    def size(self, example: Pair) -> Pair:
        """Height and width of the region."""
        height, width = (int(self.region[a].size[example[a]]) for a in AXES)
        return height, width

    def is_alike(self, example: Pair) -> bool:
        """Whether the window starts at one place in the regions of the whole class."""
        return all(bool(self.alike[a][example[a]]) for a in AXES)

    def overlap(self, example: Pair) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return where in the region the window lies, and which part of the window that is."""
        into, part = [], []
        for axis in AXES:
            region, window, centre = self.region[axis], self.window[axis], example[axis]
            offset, size = int(window.start[centre] - region.start[centre]), int(window.size[centre])
            start = max(offset, 0)
            stop = max(start, min(offset + size, int(region.size[centre])))
            into.append(slice(start, stop))
            part.append(slice(start - offset, stop - offset))
        return (into[0], into[1]), (part[0], part[1])

    def targets(self, centre: tuple[Tensor, Tensor], window: Sequence[int], region: Pair) -> Tensor:
        """Return the place of each entry of windows in their regions, the place after the last for those outside."""
        offset = (self.offsets[a][centre[a]] for a in AXES)
        rows, columns = (
            o[:, None] + torch.arange(n, device=o.device) for o, n in zip(offset, window, strict=True)
        )  # (B, h), (B, w)
        height, width = region
        first = torch.arange(len(rows), device=rows.device)[:, None] * (height * width)
        end = len(rows) * height * width
        inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
        return torch.where(inside, (first + rows * width)[:, :, None] + columns[:, None], end).flatten()

    def padded(self, maps: Tensor) -> Tensor:
        """Return ``(N, C, H, W)`` maps as ``(N · height · width, C)`` places of the map kept."""
        height, width, channels = self.shape
        top, left = self.padding
        around = (left, width - left - maps.shape[3], top, height - top - maps.shape[2])
        return pad(maps, around, value=self.pad_value).permute(0, 2, 3, 1).reshape(-1, channels)


@dataclass(frozen=True, eq=False)
class Difference:
    """How a convolution passes on what differs from the clean map: that alone is convolved, and added to clean output.

    Around the window nothing differs, so that is padding, which a convolution leaves out: a third of its work and more.
    """

    before: Read
    """The input's window."""
    after: Read
    """The output's window, and in it the convolved difference."""
    zeros: tuple[Ints, Ints]
    """Rows and columns of padding around the input's window, by centre; one number for a class."""

    def zeros_of(self, example: Pair) -> Pair:
        """Return the padding of a class."""
        return int(self.zeros[0][example[0]]), int(self.zeros[1][example[1]])


def read_of_layer(plan: Plan, layer: Layer, node: fx.Node, device: torch.device) -> Read:
    """Describe what a layer's window reads of one of its inputs."""
    region, before, after = [], [], []
    for axis in AXES:
        ours = plan.spans[axis][layer.node]
        sliding = layer.sliding[axis] if layer.sliding is not None else None
        region.append(sliding.inputs(ours) if sliding else ours)
        before.append(sliding.padding if sliding else 0)
        after.append(sliding.overhang if sliding else 0)
    around = ((before[0], before[1]), (after[0], after[1]))
    window = (plan.spans[0][node], plan.spans[1][node])
    return _read(plan, node, (region[0], region[1]), window, device, layer.pad_value, around)


def read_of_window(plan: Plan, node: fx.Node, device: torch.device) -> Read:
    """Describe the reading of a window itself."""
    window = (plan.spans[0][node], plan.spans[1][node])
    return _read(plan, node, window, window, device)


def read_of_map(plan: Plan, node: fx.Node, device: torch.device) -> Read:
    """Describe the reading of a whole map."""
    window = (plan.spans[0][node], plan.spans[1][node])
    zeros = [np.zeros_like(spans.start) for spans in window]
    rows, columns = (Spans(z, z + length) for z, length in zip(zeros, shape_of(node)[1:], strict=True))
    return _read(plan, node, (rows, columns), window, device)


def difference_of(plan: Plan, layer: Layer, device: torch.device) -> Difference:
    """Describe how a convolution, of stride 1, passes on what differs from its clean input."""
    (node,), zeros, reached = layer.inputs, [], []
    for axis, sliding in zip(AXES, layer.sliding or (), strict=True):
        ours, inputs, classes = plan.spans[axis][node], sliding.inputs(plan.spans[axis][layer.node]), plan.classes[axis]
        needed = np.zeros(classes.max() + 1, np.int64)
        np.maximum.at(needed, classes, np.maximum(ours.start - inputs.start, inputs.stop - ours.stop))
        around = np.minimum(needed, sliding.reach)[classes]
        start = ours.start + sliding.padding - around
        zeros.append(around)
        reached.append(Spans(start, start + ours.size + 2 * around - sliding.reach))
    window = (plan.spans[0][layer.node], plan.spans[1][layer.node])
    after = _read(plan, layer.node, window, (reached[0], reached[1]), device)
    return Difference(read_of_window(plan, node, device), after, (zeros[0], zeros[1]))


def _read(
    plan: Plan,
    node: fx.Node,
    region: tuple[Spans, Spans],
    window: tuple[Spans, Spans],
    device: torch.device,
    pad_value: float = 0.0,
    around: tuple[Pair, Pair] = ((0, 0), (0, 0)),
) -> Read:
    channels, *lengths = shape_of(node)
    height, width = (lengths[a] + around[0][a] + around[1][a] for a in AXES)
    first = [torch.as_tensor(region[a].start, device=device) for a in AXES]
    offsets = [window[a].start - region[a].start for a in AXES]
    return Read(
        node=node,
        region=region,
        window=window,
        pad_value=pad_value,
        padding=around[0],
        shape=(height, width, channels),
        first=(first[0], first[1]),
        places=((first[0] + around[0][0]) * width, first[1] + around[0][1]),
        offsets=(torch.as_tensor(offsets[0], device=device), torch.as_tensor(offsets[1], device=device)),
        alike=(_alike(offsets[0], plan.classes[0]), _alike(offsets[1], plan.classes[1])),
    )


def _alike(offsets: Ints, classes: Ints) -> NDArray[np.bool_]:
    """Return for each centre whether all of its class have its offset."""
    low, high = np.full(classes.max() + 1, np.iinfo(np.int64).max), np.full(classes.max() + 1, np.iinfo(np.int64).min)
    np.minimum.at(low, classes, offsets)
    np.maximum.at(high, classes, offsets)
    return np.asarray((low == high)[classes])
