"""The operations that can be computed on a window of their input alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn.functional import avg_pool2d

from callbacks.occlusion_sensitivity.geometry import Sliding
from callbacks.occlusion_sensitivity.trace import arguments, aten, constant, inputs_of, shape_of

Pair = tuple[int, int]
Spread = Callable[[Tensor, Pair], Tensor]
"""Of ``(B, C, h, w)`` and the rows and columns of zeros around it."""

POINTWISE = {
    getattr(aten, name).default
    for name in [
        "abs",
        "clamp",
        "clamp_max",
        "clamp_min",
        "clone",
        "elu",
        "exp",
        "gelu",
        "hardsigmoid",
        "hardswish",
        "hardtanh",
        "leaky_relu",
        "maximum",
        "minimum",
        "mish",
        "neg",
        "prelu",
        "relu",
        "sigmoid",
        "silu",
        "softplus",
        "sqrt",
        "tanh",
        "_to_copy",
    ]
} | {aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor, aten.pow.Tensor_Scalar}

PRODUCTS = {
    aten.linear.default,
    aten.matmul.default,
    aten.bmm.default,
    aten.baddbmm.default,
    aten.scaled_dot_product_attention.default,
}
"""Products of matrices, as of tokens."""

CONVOLUTIONS = {
    aten.conv1d.default,
    aten.conv2d.default,
    aten.conv2d.padding,
    aten.conv3d.default,
    aten.conv_transpose2d.input,
}

ENTRY_COST = 16.0
"""What moving one entry of a map takes, in multiply-adds: decides only what is worth sharing or computing densely."""

WIDE = 64
"""Channels from which a convolution of what differs is faster than one of patches. By measurement: with fewer, padding
is left out, but at half the rate."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One operation that can be computed on windows.

    A *sliding* layer, a convolution or a pooling, is run on a patch that holds all that its window reads. The
    others work pixel by pixel, on windows of the same size.
    """

    node: fx.Node
    inputs: list[fx.Node]
    run: Callable[[list[Tensor]], Tensor]
    """Of the patch (sliding), or of the windows of all inputs; pads nothing."""
    cost: float
    """Work for one place of the output map, in multiply-adds."""
    sliding: tuple[Sliding, Sliding] | None = None
    """Along rows and columns."""
    pad_value: float = 0.0
    spread: Spread | None = None
    """Of what differs in a window of the input, if that is less work: what differs in the output."""
    cost_before: float = 0.0
    """Work for one place of the input's window, in multiply-adds."""

    @property
    def is_relu(self) -> bool:
        """Whether it is a plain ReLU, which can be computed while its input is copied."""
        return self.node.target is aten.relu.default


def as_layer(module: fx.GraphModule, node: fx.Node) -> Layer | None:
    """Return a node of a traced network as a layer, or ``None`` if it cannot be computed on windows."""
    if node.op != "call_function" or not isinstance(node.meta.get("val"), Tensor):
        return None
    inputs = inputs_of(node)
    if not inputs or any(len(shape_of(n)) != 3 for n in (node, *inputs)):
        return None
    if node.target in (aten.conv2d.default, aten.conv2d.padding):
        return _convolution(module, node)
    if node.target in (aten.max_pool2d.default, aten.avg_pool2d.default):
        return _pooling(module, node)
    along_channels = node.target is aten.cat.default and node.args[1:] in ((1,), (-3,))
    if along_channels or node.target is aten.batch_norm.default or _is_pointwise(module, node):
        cost = ENTRY_COST * shape_of(node)[0]
        return Layer(node, inputs, lambda windows: _call(module, node, inputs, windows), cost)
    return None


def work(module: fx.GraphModule, node: fx.Node) -> float:
    """Return the work of an operation on maps or tokens in multiply-adds, 0 of what only moves values.

    Vectors, one for each image, do not count: no map is left where they are made.
    """
    layer = as_layer(module, node)
    if layer is not None:
        _, height, width = shape_of(node)
        return (layer.cost + layer.cost_before) * height * width
    if not isinstance(node.meta.get("val"), Tensor) or len(shape_of(node)) < 2:
        return 0.0
    first = node.args[0].meta.get("val") if node.args and isinstance(node.args[0], fx.Node) else None
    if not isinstance(first, Tensor):
        return 0.0
    if node.target in CONVOLUTIONS:
        return float(prod(node.args[1].meta["val"].shape) * max(prod(shape_of(node)[1:]), prod(first.shape[2:])))  # type: ignore[union-attr]  # a weight
    times = 2 if node.target is aten.scaled_dot_product_attention.default else 1
    return float(times * prod(shape_of(node)) * int(first.shape[-1])) if node.target in PRODUCTS else 0.0


def _convolution(module: fx.GraphModule, node: fx.Node) -> Layer | None:
    given = arguments(module, node)
    if any(isinstance(given[name], fx.Node) for name in ("weight", "bias")):
        return None  # depends on the image
    # the layout that small windows run fastest in; converted once, not at every call
    weight = given["weight"].contiguous(memory_format=torch.channels_last)
    bias, groups = given["bias"], given["groups"]
    stride, dilation = _pair(given["stride"]), _pair(given["dilation"])
    kernel = (int(weight.shape[2]), int(weight.shape[3]))
    padding = given["padding"]
    if isinstance(padding, str):
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if padding == "same" and any(r % 2 for r in reach):
            return None  # pads more on one side
        padding = [r // 2 if padding == "same" else 0 for r in reach]

    def run(patch: list[Tensor]) -> Tensor:
        return torch.conv2d(patch[0], weight, bias, stride, 0, dilation, groups)

    def spread(difference: Tensor, zeros: Pair) -> Tensor:
        return torch.conv2d(difference, weight, None, stride, zeros, dilation, groups)

    cost = prod(weight.shape) + ENTRY_COST * weight.shape[0]
    layer = _sliding(node, run, cost, kernel, stride, _pair(padding), dilation)
    if not _pays_as_difference(node, weight, stride, groups):
        return layer
    before = ENTRY_COST * weight.shape[1] + prod(weight.shape)
    return replace(layer, cost=2 * ENTRY_COST * weight.shape[0], cost_before=before, spread=spread)


def _pays_as_difference(node: fx.Node, weight: Tensor, stride: Pair, groups: int) -> bool:
    """Whether convolving what differs is less work, and exact.

    A CPU leaves out what is padding, a GPU does not. In half precision the sum with clean values would cost digits.
    """
    (before,), value = inputs_of(node), node.meta["val"]
    leaves_out = value.device.type == "cpu" and value.dtype.itemsize >= 4 and min(weight.shape[:2]) >= WIDE
    return leaves_out and before.op != "placeholder" and groups == 1 and stride == (1, 1) and prod(weight.shape[2:]) > 1


def _pooling(module: fx.GraphModule, node: fx.Node) -> Layer | None:
    given = arguments(module, node)
    kernel = _pair(given["kernel_size"])
    stride, padding = _pair(given["stride"] or kernel), _pair(given["padding"])
    cost = ENTRY_COST * shape_of(node)[0] * stride[0] * stride[1]
    if node.target is aten.max_pool2d.default:
        dilation = _pair(given["dilation"])
        return _sliding(
            node, lambda patch: max_pool(patch[0], kernel, stride, dilation), cost, kernel, stride, padding, dilation,
            pad_value=float("-inf"),
        )  # fmt: skip
    # with padding or an overhang, what a sum is divided by depends on where it lies
    if given["ceil_mode"] or (any(padding) and not given["count_include_pad"]):
        return None
    divisor = given["divisor_override"]

    def run(patch: list[Tensor]) -> Tensor:
        return avg_pool2d(patch[0], kernel, stride, divisor_override=divisor)

    return _sliding(node, run, cost, kernel, stride, padding, (1, 1))


def max_pool(patch: Tensor, kernel: Pair, stride: Pair, dilation: Pair) -> Tensor:
    """Max-pool ``(B, C, H, W)`` without padding.

    The usual 2 × 2 is two maxima: on a CPU several times faster than the general kernel, which also notes where
    each maximum was.
    """
    if (kernel, stride, dilation) != ((2, 2), (2, 2), (1, 1)) or patch.is_cuda:
        return torch.max_pool2d(patch, kernel, stride, 0, dilation)
    rows = torch.maximum(patch[:, :, 0::2], patch[:, :, 1::2])
    return torch.maximum(rows[..., 0::2], rows[..., 1::2])


def _sliding(
    node: fx.Node,
    run: Callable[[list[Tensor]], Tensor],
    cost: float,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    *,
    pad_value: float = 0.0,
) -> Layer:
    inputs = inputs_of(node)
    lengths = zip(kernel, stride, padding, dilation, shape_of(inputs[0])[1:], shape_of(node)[1:], strict=True)
    rows, columns = (Sliding(*axis) for axis in lengths)
    return Layer(node, inputs, run, cost, (rows, columns), pad_value)


def _is_pointwise(module: fx.GraphModule, node: fx.Node) -> bool:
    if node.target not in POINTWISE or any(shape_of(i)[1:] != shape_of(node)[1:] for i in inputs_of(node)):
        return False
    constants = [v for v in arguments(module, node).values() if isinstance(v, Tensor)]
    if node.target is aten.prelu.default:
        return True
    # one value for a channel or for all; anything else differs from place to place
    return all(v.numel() == 1 or (v.ndim >= 3 and v.shape[-2:] == (1, 1)) for v in constants)


def _call(module: fx.GraphModule, node: fx.Node, inputs: list[fx.Node], windows: list[Tensor]) -> Tensor:
    values = dict(zip(inputs, windows, strict=True))

    def value(n: fx.Node) -> Any:
        return values[n] if n in values else constant(module, n)

    result: Tensor = node.target(*fx.map_arg(node.args, value), **fx.map_arg(node.kwargs, value))  # type: ignore[operator]  # an OpOverload
    return result


def _pair(value: Any) -> Pair:
    values = [value] if isinstance(value, int) else list(value)
    return (int(values[0]), int(values[-1]))
