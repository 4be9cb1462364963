"""What of a network is computed on windows, on which windows, and what is shared or computed densely."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import fx

from callbacks.occlusion_sensitivity.geometry import Ints, ReceptiveField, Spans, covered
from callbacks.occlusion_sensitivity.sharing import Fields, Limits, Step, best_steps
from callbacks.occlusion_sensitivity.trace import aten, inputs_of, is_batch_size, shape_of
from callbacks.occlusion_sensitivity.windowed_layers import ENTRY_COST, Layer, as_layer, work

TURN_DENSE = 0.9
"""Mean share of a map above which windows save less than they cost."""

CHUNK_COST = {"cpu": 1.5e7, "cuda": 5e9}
"""What one more class of windows costs for each image, in multiply-adds, by type of device: calls, and small batches.
A GPU does far more in the time of a call. Other types are taken for a GPU."""

AXES = (0, 1)
POINT = ReceptiveField(1, 0, 0)
Pair = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """How to evaluate a traced network under an occluder, for every centre of an image."""

    module: fx.GraphModule
    image: fx.Node
    layers: list[Layer]
    """What is computed on windows, in order; what is shared comes before."""
    results: list[fx.Node]
    """The maps that the dense rest starts from: the image alone where nothing can be computed on windows."""
    output: fx.Node
    covered: tuple[Spans, Spans]
    """Pixels that the occluder covers along rows and columns, by centre."""
    spans: tuple[dict[fx.Node, Spans], dict[fx.Node, Spans]]
    """Windows along rows and columns, by centre; a window may be larger than what can have changed."""
    classes: tuple[Ints, Ints]
    """Centres of one class have windows of the same sizes."""
    steps: list[Step]
    """Maps whose values are computed once for all positions, each from the one before; the last is read."""
    dense: list[fx.Node]
    """Operations whose input is a window but which are computed densely, because they cannot be otherwise."""
    dense_share: float
    """Share of the network's work that is behind those."""

    @property
    def shared(self) -> fx.Node | None:
        """The map that is read where the first layers are shared."""
        return self.steps[-1].node if self.steps else None

    @property
    def fields(self) -> Fields:
        """Receptive fields of the shared map, or of the image's pixels."""
        return self.steps[-1].fields if self.steps else (POINT, POINT)


def make_plan(
    module: fx.GraphModule, occluder_size: Pair, *, positions: float = np.inf, largest_bank: float = np.inf
) -> Plan:
    """Plan the evaluation of a traced network.

    Args:
        module: From :func:`.trace.trace`.
        occluder_size: Height and width in pixels.
        positions: Occluded copies that each image will have: sharing pays with many.
        largest_bank: Bytes that the shared values of one image's map may take.
    """
    image = next(node for node in module.graph.nodes if node.op == "placeholder")
    output: fx.Node = next(node for node in module.graph.nodes if node.op == "output").args[0][0]
    lengths = shape_of(image)[1:]
    occluder = [covered(np.arange(lengths[a]), occluder_size[a], lengths[a]) for a in AXES]
    spans: tuple[dict[fx.Node, Spans], dict[fx.Node, Spans]] = ({image: occluder[0]}, {image: occluder[1]})
    layers, blocked = _windowed(module, image, spans)
    known = {image, *(layer.node for layer in layers)}
    results = [node for node in known if any(user not in known and not is_batch_size(user) for user in node.users)]
    results.sort(key=list(module.graph.nodes).index)
    for axis in AXES:
        _cover_pools(layers, spans[axis], axis)
    fields = receptive_fields(image, layers)
    steps = best_steps(image, layers, spans, fields, Limits(occluder_size, positions, largest_bank))
    remaining = layers[steps[-1] + 1 :] if steps else layers
    costs = window_costs(remaining, layers[steps[-1]].node if steps else None)
    chunk_cost = CHUNK_COST.get(image.meta["val"].device.type, CHUNK_COST["cuda"])
    classes = _merged(costs, spans, chunk_cost)
    return Plan(
        module=module,
        image=image,
        layers=remaining,
        results=results,
        output=output,
        covered=(occluder[0], occluder[1]),
        spans=spans,
        classes=classes,
        steps=[Step(layers[index].node, fields[layers[index].node]) for index in steps],
        dense=blocked,
        dense_share=_work_behind(module, blocked),
    )


def window_costs(layers: Sequence[Layer], shared: fx.Node | None) -> dict[fx.Node, float]:
    """Return what an entry of a window takes, in multiply-adds, of each map whose windows have a size in each class."""
    costs = {layer.node: layer.cost + layer.cost_before for layer in layers}
    if shared is not None:  # its windows are read, too
        costs[shared] = ENTRY_COST * shape_of(shared)[0]
    return costs


def _windowed(
    module: fx.GraphModule, image: fx.Node, spans: tuple[dict[fx.Node, Spans], ...]
) -> tuple[list[Layer], list[fx.Node]]:
    """Return the layers that windows pay for, entering their spans, and what stopped them before it was time."""
    layers, blocked = [], []
    changing = _changing(module, image)
    for node in module.graph.nodes:
        inputs = inputs_of(node) if node.op == "call_function" else []
        if is_batch_size(node) or not any(n in spans[0] for n in inputs):
            continue
        others = [n for n in inputs if n not in spans[0]]
        if not changing.isdisjoint(others):  # the dense rest has begun before
            continue
        # a map that is the same for all images is none that windows could be cut from
        layer = as_layer(module, node) if not others else None
        if layer is None:
            blocked.append(node)
            continue
        ours = [_reached(layer, spans[a], a) for a in AXES]
        at_work = (node, ours) if layer.spread is None else (inputs[0], [spans[a][inputs[0]] for a in AXES])
        lengths = shape_of(at_work[0])[1:]
        if np.prod([s.size.mean() / length for s, length in zip(at_work[1], lengths, strict=True)]) > TURN_DENSE:
            continue
        layers.append(layer)
        for axis in AXES:
            spans[axis][node] = ours[axis]
    return layers, blocked


def _changing(module: fx.GraphModule, image: fx.Node) -> set[fx.Node]:
    """Return what depends on the image's values."""
    found = {image}
    for node in module.graph.nodes:
        if not is_batch_size(node) and not found.isdisjoint(node.all_input_nodes):
            found.add(node)
    return found


def _reached(layer: Layer, spans: Mapping[fx.Node, Spans], axis: int) -> Spans:
    inputs = [spans[node] for node in layer.inputs]
    if layer.sliding is not None:
        return layer.sliding[axis].outputs(inputs[0])
    return Spans(np.min([s.start for s in inputs], axis=0), np.max([s.stop for s in inputs], axis=0))


def receptive_fields(image: fx.Node, layers: list[Layer]) -> dict[fx.Node, Fields]:
    """Return the receptive fields of layers' outputs along rows and columns."""
    fields = {image: (POINT, POINT)}
    for layer in layers:
        ours = []
        for axis in AXES:
            field = fields[layer.inputs[0]][axis]
            for other in layer.inputs[1:]:
                field = field.union(fields[other][axis])
            ours.append(field if layer.sliding is None else field.through(layer.sliding[axis]))
        fields[layer.node] = (ours[0], ours[1])
    return fields


def _merged(
    costs: Mapping[fx.Node, float], spans: tuple[dict[fx.Node, Spans], ...], chunk_cost: float
) -> tuple[Ints, Ints]:
    """Number the centres of each axis by the sizes of their windows; widen windows where fewer classes are worth it."""
    classes = [np.zeros_like(next(iter(spans[a].values())).start) for a in AXES]
    if not costs:
        return classes[0], classes[1]
    sizes = [np.stack([spans[a][node].size for node in costs], 1) for a in AXES]  # (centres, maps)
    for axis, other in ((0, 1), (1, 0)):
        work = np.array(list(costs.values())) * sizes[other].sum(0)
        kinds, of_centre, counts = np.unique(sizes[axis], axis=0, return_inverse=True, return_counts=True)
        number = len(np.unique(sizes[other], axis=0)) / (2 if axis == 0 else 1)  # columns are yet to be merged
        of_kind = merge_kinds(kinds, counts, work, number * chunk_cost)
        classes[axis] = of_kind[of_centre.reshape(-1)]
        for index, node in enumerate(costs):
            largest = np.zeros(len(kinds), np.int64)
            np.maximum.at(largest, of_kind, kinds[:, index])
            size = largest[classes[axis]]
            start = np.minimum(spans[axis][node].start, shape_of(node)[1 + axis] - size)
            spans[axis][node] = Spans(start, start + size)
            sizes[axis][:, index] = size
    return classes[0], classes[1]


def merge_kinds(kinds: Ints, counts: Ints, costs: NDArray[np.float64], saving: float) -> Ints:
    """Merge kinds of windows while a merger saves more than the larger windows cost.

    Args:
        kinds: Sizes of each kind's windows, ``(K, layers)``.
        counts: How often a kind occurs, ``(K,)``.
        costs: Work for one entry, by layer.
        saving: Work that one kind less saves.

    Returns:
        ``(K,)``, the merged kind of each kind, from 0.

    Example:
        >>> merge_kinds(np.array([[4], [5], [9]]), np.array([1, 3, 2]), np.array([10.0]), saving=11.0)
        array([0, 0, 1])
    """
    members = [[k] for k in range(len(kinds))]
    sizes, counts = kinds.astype(np.float64), counts.astype(np.float64)
    while len(members) > 1:
        larger = np.maximum(sizes[:, None], sizes[None]) @ costs  # (K, K)
        own = counts * (sizes @ costs)
        extra = (counts[:, None] + counts) * larger - own[:, None] - own
        np.fill_diagonal(extra, np.inf)
        first, second = sorted(np.unravel_index(np.argmin(extra), extra.shape))
        if extra[first, second] >= saving:
            break
        members[first] += members.pop(second)
        sizes[first] = np.maximum(sizes[first], sizes[second])
        counts[first] += counts[second]
        sizes, counts = np.delete(sizes, second, 0), np.delete(counts, second)
    merged = np.empty(len(kinds), np.int64)
    for number, kept in enumerate(members):
        merged[kept] = number
    return merged


def _pools(layers: list[Layer]) -> Iterator[tuple[Layer, Layer]]:
    """Yield poolings with the convolution before them, where nothing else uses its output."""
    by_node = {layer.node: layer for layer in layers}
    for pool in layers:
        before = by_node.get(pool.inputs[0])
        is_pool = pool.sliding is not None and pool.node.target is aten.max_pool2d.default
        if is_pool and before is not None and before.sliding is not None and len(before.node.users) == 1:
            yield pool, before


def _cover_pools(layers: list[Layer], spans: dict[fx.Node, Spans], axis: int) -> None:
    """Widen convolutions' windows to all that the pooling behind them reads: a few outputs more, but no copying."""
    for pool, before in _pools(layers):
        sliding = pool.sliding[axis]  # type: ignore[index]  # a pooling
        read, ours = sliding.inputs(spans[pool.node]), spans[before.node]
        start = np.minimum(ours.start, np.maximum(read.start, 0))
        spans[before.node] = Spans(start, np.maximum(ours.stop, np.minimum(read.stop, sliding.in_length)))


def _work_behind(module: fx.GraphModule, blocked: list[fx.Node]) -> float:
    """Return the share of the network's work on maps and tokens that lies behind ``blocked``."""
    behind, total, late = set(blocked), 0.0, 0.0
    for node in module.graph.nodes:
        if node in behind or behind & set(node.all_input_nodes):
            behind.add(node)
        cost = work(module, node)
        total += cost
        late += cost * (node in behind)
    return late / total if total else 1.0
