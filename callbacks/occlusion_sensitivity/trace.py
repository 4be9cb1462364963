"""A network as a graph of elementary operations, and parts of that graph as modules of their own."""

from collections.abc import Iterable, Sequence
from operator import attrgetter, getitem
from typing import Any

import torch
from torch import Tensor, fx, nn

from callbacks.occlusion_sensitivity.averaged_convolution import averaged_convolution

aten = torch.ops.aten
MOST = 65535
"""Images of a batch, for tracing: of more, batch norm on a GPU would be another operation; the graph takes any."""


def trace(network: nn.Module, image: Tensor) -> fx.GraphModule:
    """Return a network as ATen operations that share its weights and take any batch size.

    Rewritten, without a change of values beyond rounding: a ReLU before a max-pooling comes after it, and a
    convolution of which only the average is used is not computed in full.

    Args:
        network: Maps ``(B, C, H, W)`` to ``(B, n)``; in evaluation mode.
        image: An example ``(2, C, H, W)``.

    Raises:
        Exception: Whatever :func:`torch.export.export` raises at a network that it cannot follow.
    """
    batch = torch.export.Dim("batch", min=2, max=MOST)
    with torch.no_grad():
        with torch.backends.cudnn.flags(enabled=False):  # its batch norm is none that can be computed on windows
            exported = torch.export.export(network, (image,), dynamic_shapes=({0: batch},), strict=False)
            module: fx.GraphModule = exported.run_decompositions({}).module(check_guards=False)
        for rewrite in (_fold_constants, _drop_no_ops, _name_batch_norm, _pool_before_relu, _average_convolutions):
            rewrite(module)
            module.graph.eliminate_dead_code()
    module.graph.lint()
    module.recompile()
    return module


def inputs_of(node: fx.Node) -> list[fx.Node]:
    """Return the nodes whose maps a node works on: its inputs other than weights and sizes."""
    return [n for n in node.all_input_nodes if n.op != "get_attr" and isinstance(n.meta.get("val"), Tensor)]


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """Return ``(C, H, W)`` of a node's map, or what there is behind the batch dimension."""
    return tuple(int(size) for size in node.meta["val"].shape[1:])


def constant(module: fx.GraphModule, value: Any) -> Any:
    """Return the weight that an argument names; other arguments as they are."""
    is_weight = isinstance(value, fx.Node) and value.op == "get_attr"
    return attrgetter(str(value.target))(module) if is_weight else value


def arguments(module: fx.GraphModule, node: fx.Node) -> dict[str, Any]:
    """Return an operation's arguments by name: defaults filled in, weights as tensors, maps as nodes."""
    schema = node.target._schema.arguments  # type: ignore[union-attr]  # an OpOverload
    values = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
    values |= dict(zip([argument.name for argument in schema], node.args, strict=False)) | node.kwargs
    return {name: constant(module, value) for name, value in values.items()}


def between(module: fx.GraphModule, sources: Sequence[fx.Node], results: Sequence[fx.Node]) -> fx.GraphModule:
    """Return the part of a graph that computes ``results`` from ``sources``, as a module that returns a tuple.

    The batch size is that of the first source.
    """
    graph = fx.Graph()
    copies = {node: graph.placeholder(f"source_{i}") for i, node in enumerate(sources)}
    batch = graph.call_function(aten.sym_size.int, (copies[sources[0]], 0))
    for node in _needed(results, stop=sources):
        if node not in copies:
            copies[node] = batch if is_batch_size(node) else graph.node_copy(node, copies.__getitem__)
    graph.output(tuple(copies[node] for node in results))
    graph.eliminate_dead_code()
    return fx.GraphModule(module, graph)


def _needed(results: Sequence[fx.Node], stop: Iterable[fx.Node]) -> list[fx.Node]:
    """Return what ``results`` depend on, themselves included, up to ``stop``, in order of execution."""
    found, waiting, ends = set[fx.Node](), list(results), set(stop)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            # a batch size is taken from the part's own input, whatever map it was read from
            waiting.extend([] if node in ends or is_batch_size(node) else node.all_input_nodes)
    return [node for result in results[:1] for node in result.graph.nodes if node in found]


def is_batch_size(node: fx.Node) -> bool:
    """Whether a node is the number of images, whatever map it is read from."""
    return node.target is aten.sym_size.int and tuple(node.args[1:]) == (0,)


def _fold_constants(module: fx.GraphModule) -> None:
    """Compute once what does not depend on the image, such as standardised weights."""
    known: dict[fx.Node, Any] = {}
    for node in list(module.graph.nodes):
        if node.op == "get_attr":
            known[node] = constant(module, node)
        elif node.op == "call_function" and node.all_input_nodes and all(n in known for n in node.all_input_nodes):
            args, kwargs = fx.map_arg((node.args, node.kwargs), known.__getitem__)
            known[node] = node.target(*args, **kwargs)
            if isinstance(known[node], Tensor):
                module.register_buffer(f"folded_{node.name}", known[node], persistent=False)
                with module.graph.inserting_before(node):
                    folded = module.graph.get_attr(f"folded_{node.name}")
                folded.meta = dict(node.meta)
                known[folded] = known[node]
                node.replace_all_uses_with(folded)


def _drop_no_ops(module: fx.GraphModule) -> None:
    """Take out what returns its input and would share its memory, and what depends on how a map lies in memory."""
    for node in list(module.graph.nodes):
        if node.target in (aten.view.default, aten._unsafe_view.default):  # ask for a memory layout
            node.target = aten.reshape.default
        if node.target in (aten.alias.default, aten.contiguous.default, aten.detach.default) or (
            node.target is aten.dropout.default and not node.args[2]
        ):
            node.replace_all_uses_with(node.args[0])


def _name_batch_norm(module: fx.GraphModule) -> None:
    """Replace batch norms of three results by those of one."""
    for first in list(module.graph.nodes):
        norm = first.args[0] if first.target is getitem and first.args[1] == 0 else None
        if isinstance(norm, fx.Node) and norm.target is aten._native_batch_norm_legit_no_training.default:
            *tensors, momentum, eps = norm.args
            settings = (False, momentum, eps, torch.backends.cudnn.enabled)
            _insert(module, after=norm, target=aten.batch_norm.default, args=(*tensors, *settings), instead_of=first)


def _pool_before_relu(module: fx.GraphModule) -> None:
    for pool in list(module.graph.nodes):
        relu = pool.args[0] if pool.target is aten.max_pool2d.default else None
        if isinstance(relu, fx.Node) and relu.target is aten.relu.default and len(relu.users) == 1:
            pool.replace_input_with(relu, relu.args[0])
            later = _insert(module, after=pool, target=aten.relu.default, args=(), instead_of=pool)
            later.args = (pool,)


def _average_convolutions(module: fx.GraphModule) -> None:
    for average in list(module.graph.nodes):
        convolution = average.args[0] if _is_average(average) else None
        if not isinstance(convolution, fx.Node) or convolution.target is not aten.conv2d.default:
            continue
        given = arguments(module, convolution)
        if len(convolution.users) > 1 or given["groups"] != 1:
            continue
        tensors = (*convolution.args[:2], convolution.args[2] if len(convolution.args) > 2 else None)
        settings = tuple(tuple(given[name]) for name in ("stride", "padding", "dilation"))
        keeps_places = len(average.meta["val"].shape) == 4
        args = (*tensors, *settings, keeps_places, arguments(module, average).get("dtype"))
        _insert(module, after=convolution, target=averaged_convolution, args=args, instead_of=average)


def _is_average(node: fx.Node) -> bool:
    """Whether a node averages over all places."""
    if node.target is aten.adaptive_avg_pool2d.default:
        return list(node.args[1]) == [1, 1]  # type: ignore[arg-type]  # two sizes
    is_mean = node.target is aten.mean.dim and len(inputs_of(node)) == 1 and len(shape_of(inputs_of(node)[0])) == 3
    return is_mean and sorted(d % 4 for d in node.args[1]) == [2, 3]  # type: ignore[union-attr,operator]  # dimensions


def _insert(module: fx.GraphModule, *, after: fx.Node, target: Any, args: Any, instead_of: fx.Node) -> fx.Node:
    with module.graph.inserting_after(after):
        node = module.graph.call_function(target, args)
    node.meta = dict(instead_of.meta)
    instead_of.replace_all_uses_with(node, delete_user_cb=lambda user: user is not node)
    return node
