"""Small networks in ONNX files."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

SIDE = 8


class Means(nn.Module):
    """Embeds an image as its channels' means in its upper and its left half."""

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[2] // 2
        return torch.cat([x[:, :, :half].mean((2, 3)), x[..., :half].mean((2, 3))], 1)


def write_means(
    path: Path,
    shape: Sequence[int | str] = ("N", 3, SIDE, SIDE),
    *,
    kind: int = TensorProto.FLOAT,
    channels_last: bool = False,
    outputs: Sequence[str] = ("fc1",),
    declared: dict[str, str] | None = None,
) -> str:
    """Write what :class:`Means` does to images of 8 × 8 pixels as an ONNX file, and return its path.

    Args:
        path: The file.
        shape: Of its input, with names where it is open.
        kind: Of the input's numbers.
        channels_last: Whether the input is ``(B, H, W, C)``.
        outputs: Of ``fc1``, the embedding; ``norm``, its length ``(B, 1)``; ``two``, its first two numbers ``(B, 2)``;
            ``map``, the images themselves.
        declared: What the file says of itself.
    """
    first = [helper.make_node("Transpose", ["data"], ["turned"], perm=[0, 3, 1, 2])] if channels_last else []
    nodes = [
        *first,
        helper.make_node("Cast", ["turned" if channels_last else "data"], ["map"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["map", "start", "half", "rows"], ["upper"]),
        helper.make_node("Slice", ["map", "start", "half", "columns"], ["left"]),
        helper.make_node("ReduceMean", ["upper", "both"], ["of_upper"], keepdims=0),
        helper.make_node("ReduceMean", ["left", "both"], ["of_left"], keepdims=0),
        helper.make_node("Concat", ["of_upper", "of_left"], ["fc1"], axis=1),
        helper.make_node("ReduceL2", ["fc1", "one"], ["norm"], keepdims=1),
        helper.make_node("Slice", ["fc1", "start", "two_columns", "one"], ["two"]),
    ]
    numbers = {"start": [0], "half": [SIDE // 2], "rows": [2], "columns": [3], "both": [2, 3], "one": [1]}
    constants = [
        helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        for name, values in {**numbers, "two_columns": [2]}.items()
    ]
    returned = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "means", [helper.make_tensor_value_info("data", kind, shape)], returned, constants)
    return write_graph(path, graph, declared)


def write_graph(path: Path, graph: onnx.GraphProto, declared: dict[str, str] | None = None) -> str:
    """Write a graph as an ONNX file that onnxruntime of any recent version reads, and return its path."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, declared or {})
    onnx.save(model, path)
    return str(path)
