"""Small face networks as ONNX files, written node by node in the ways that files in the wild are."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper


class OnnxFile:
    """Nodes and weights, put together in the order that they are asked for."""

    def __init__(self, images: list[int | str], opset: int = 11) -> None:
        self.images = images
        self.opset = opset
        self.rng = np.random.default_rng(0)
        self.nodes: list[Any] = []
        self.weights: dict[str, NDArray[Any]] = {}

    def weight(self, name: str, *shape: int, least: float | None = None) -> str:
        values = self.rng.normal(size=shape) / 4 if least is None else self.rng.uniform(least, 1.5, shape)
        self.weights[name] = values.astype(np.float32)
        return name

    def constant(self, name: str, values: Any, dtype: Any = np.float32) -> str:
        self.weights[name] = np.asarray(values, dtype)
        return name

    def node(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def block(self, name: str, x: str, before: int, after: int, stride: int = 2) -> str:
        """Convolution, batch normalisation and PReLU."""
        kernel = self.weight(f"{name}_kernel", after, before, 3, 3)
        x = self.node("Conv", f"{name}_conv", x, kernel, pads=[1] * 4, strides=[stride] * 2)
        statistics = [self.weight(f"{name}_{part}", after, least=0.5) for part in ("scale", "shift", "mean", "var")]
        x = self.node("BatchNormalization", f"{name}_bn", x, *statistics)
        return self.node("PRelu", f"{name}_relu", x, self.weight(f"{name}_slope", after, 1, 1, least=0.1))

    def save(self, path: Path, outputs: dict[str, list[int | str]], listed: bool = False) -> Path:
        """Write the file; weights are listed among the inputs where ``listed``, as older files have them."""
        inputs = [helper.make_tensor_value_info("data", TensorProto.FLOAT, self.images)]
        if listed:
            kinds = {name: helper.np_dtype_to_tensor_dtype(w.dtype) for name, w in self.weights.items()}
            inputs += [helper.make_tensor_value_info(n, kinds[n], w.shape) for n, w in self.weights.items()]
        made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        weights = [numpy_helper.from_array(values, name) for name, values in self.weights.items()]
        graph = helper.make_graph(self.nodes, "face", inputs, made, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=6)
        onnx.save(model, path)
        return path


def face_file(
    path: Path, *, images: int | str = 1, side: int | str = 32, flatten: str = "Reshape", opset: int = 11
) -> Path:
    """Write a network of two blocks and a linear layer, with its pixels' range inside: 32 × 32 images give 8 numbers.

    Args:
        path: Where.
        images: Their number: fixed, or a name.
        side: Of an image: fixed, or a name.
        flatten: ``"Reshape"``, to the fixed number of images; ``"Flatten"``; or ``"Average"`` over all positions.
        opset: Version of its operators.
    """
    file = OnnxFile([images, 3, side, side], opset)
    x = file.node("Sub", "centred", "data", file.constant("centre", 127.5))
    x = file.node("Mul", "scaled", x, file.constant("scale", 1 / 128))
    y = file.block("first", x, 3, 4)
    y = file.node("Add", "sum", file.block("second", y, 4, 4, stride=1), y)
    y = file.block("third", y, 4, 6)
    y = file.node("Dropout", "dropout", y)
    width = 6 if flatten == "Average" else 6 * 8 * 8
    if flatten == "Average":
        y = file.node("GlobalAveragePool", "average", y)
    if flatten == "Reshape":
        y = file.node("Reshape", "flat", y, file.constant("sizes", [images, width], np.int64))
    else:
        y = file.node("Flatten", "flat", y)
    y = file.node("Gemm", "linear", y, file.weight("matrix", 8, width), file.weight("bias", 8), transB=1)
    statistics = [file.weight(f"last_{part}", 8, least=0.5) for part in ("scale", "shift", "mean", "var")]
    file.node("BatchNormalization", "embedding", y, *statistics)
    return file.save(path, {"embedding": [images, 8]}, listed=True)
