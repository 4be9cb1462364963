"""Which of the first layers are computed once for all positions, and in which steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import fx

from callbacks.occlusion_sensitivity.geometry import ReceptiveField, Spans
from callbacks.occlusion_sensitivity.trace import is_batch_size, shape_of
from callbacks.occlusion_sensitivity.windowed_layers import ENTRY_COST, Layer

WORTH = 0.02
"""Share of the work that a map has to save, as it takes memory."""
MEMORY_COST = 64.0
"""What writing an entry to memory takes, or looking it up there, in multiply-adds."""
Fields = tuple[ReceptiveField, ReceptiveField]


class Step(NamedTuple):
    """A map whose values are computed once for all positions, see :mod:`.shared`."""

    node: fx.Node
    fields: Fields
    """Receptive fields along rows and columns."""


@dataclass(frozen=True)
class Limits:
    """What sharing has to pay under.

    Args:
        occluder_size: Height and width in pixels.
        positions: Occluded copies that each image will have: sharing pays with many.
        largest_bank: Bytes that the shared values of one map of one image may take.
    """

    occluder_size: tuple[int, int]
    positions: float
    largest_bank: float


class _Way(NamedTuple):
    layer: int
    """Index of the layer whose map is shared."""
    work: float
    """Of all steps up to this one, for each position."""
    kept: float
    """Work of writing one of its maps, and of looking one up."""
    steps: tuple[int, ...]
    """Layers whose maps are shared on the way, this one last."""

    def to(self, layer: int, kept: float, work: float) -> "_Way":
        """Return the way that goes on to the map of a later layer."""
        return _Way(layer, self.work + work, kept, (*self.steps, layer))


def shifts(field: ReceptiveField) -> int:
    """Return the period of the grid of occluders in which a field of this size meets at most one edge."""
    return 2 * (field.size - 1)


def passes(fields: Fields) -> int:
    """Return how many maps hold all values: one for each shift of the grid, and the clean one."""
    return (shifts(fields[0]) + 1) * (shifts(fields[1]) + 1) + 1


def best_steps(
    image: fx.Node,
    layers: Sequence[Layer],
    spans: tuple[Mapping[fx.Node, Spans], ...],
    fields: Mapping[fx.Node, Fields],
    limits: Limits,
) -> list[int]:
    """Return the indices of the layers whose maps are shared, each computed from the one before; none saves nothing.

    Small fields take few passes, so a map of larger fields is best computed from one of smaller fields that is shared
    already. All earlier layers are then shared up to the last of them.
    """
    found = [_Way(-1, 0.0, 0.0, ())]  # the image itself
    best, most, smallest, direct = found[0], 0.0, 0.0, 0.0
    worth = WORTH * sum(_direct(layer, spans) for layer in layers)
    dense = [0.0]  # work of all layers before each
    for index, layer in enumerate(layers):
        direct += _direct(layer, spans)
        channels, height, width = shape_of(layer.node)
        dense.append(dense[-1] + (layer.cost + layer.cost_before) * height * width)
        field = fields[layer.node]
        if any(size < f.size - 1 for size, f in zip(limits.occluder_size, field, strict=True)):
            break  # fields only grow
        around = 2 * any(user.spread is None for user in layers[index + 1 :] if layer.node in user.inputs)
        size = passes(field) * (height + around) * (width + around) * channels * image.meta["val"].element_size()
        if size > limits.largest_bank or not _is_cut(image, layers, index):
            continue
        number, kept = passes(field) / limits.positions, MEMORY_COST * channels * height * width
        ways = [w.to(index, kept, number * (w.kept + dense[index + 1] - dense[w.layer + 1] + kept)) for w in found]
        found.append(min(ways, key=lambda way: way.work))
        saved = direct - found[-1].work - ENTRY_COST * channels * _area(spans, layer.node)
        if saved > most + worth * (size > smallest):
            best, most, smallest = found[-1], saved, size
    return list(best.steps)


def _direct(layer: Layer, spans: tuple[Mapping[fx.Node, Spans], ...]) -> float:
    """Return a layer's work on windows, for each position."""
    work = layer.cost * _area(spans, layer.node)
    return work + (layer.cost_before * _area(spans, layer.inputs[0]) if layer.cost_before else 0.0)


def _area(spans: tuple[Mapping[fx.Node, Spans], ...], node: fx.Node) -> float:
    rows, columns = (float(along[node].size.mean()) for along in spans)
    return rows * columns


def _is_cut(image: fx.Node, layers: Sequence[Layer], index: int) -> bool:
    """Whether all that comes later sees the earlier layers only through this one, and pads it with zeros."""
    inside = {image, *(layer.node for layer in layers[: index + 1])}
    node = layers[index].node
    if any(user not in inside and not is_batch_size(user) for n in inside - {node} for user in n.users):
        return False
    consumers = [layer for layer in layers[index + 1 :] if node in layer.inputs and layer.sliding is not None]
    return all(c.pad_value == 0.0 or not any(s.padding or s.overhang for s in c.sliding or ()) for c in consumers)
