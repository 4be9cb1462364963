"""Parts of an ONNX graph as torch modules that can be trained, and that compute what onnxruntime does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_modules.networks.dry_run import evaluating
from lightning_modules.networks.foreign import foreign
from lightning_modules.networks.onnx_graph import OnnxGraph

if TYPE_CHECKING:
    from onnx import ModelProto

TOLERANCE = 1e-4
"""Largest difference to onnxruntime, as a share of the largest value."""
TRAINED = ("OnnxPReLU", "OnnxMatMul", "OnnxGemm")
"""Classes of onnx2torch whose constants are weights: the others' are the pixels' range and the like, and stay."""
_QUIET = 4  # onnxruntime's least talkative level: it warns of every initialiser


def last_of_each_size(graph: OnnxGraph) -> list[str]:
    """Return where a graph's stages end: the last feature map of each height and width that all of it passes.

    Raises:
        ValueError: If there is none.
    """
    ends: dict[tuple[int, int], str] = {}
    for name in graph.passages():
        shape = graph.shape(name)
        if len(shape) == 4 and shape[2] and shape[3] and shape[2] * shape[3] > 1:
            ends[shape[2], shape[3]] = name
    if not ends:
        open_size = "; set `image_size`, which it leaves open" if None in graph.images[2:] else ""
        raise ValueError(f"Expected feature maps (B, C, H, W) that all of {graph.path} passes, got none{open_size}")
    return list(ends.values())


def check_passages(graph: OnnxGraph, names: Sequence[str]) -> None:
    """Refuse to cut a graph where it has another way round.

    Raises:
        ValueError: If a name is not one of its :meth:`OnnxGraph.passages`, or they are not in its order.
    """
    passages = graph.passages()
    for name in names:
        if name not in passages:
            raise ValueError(
                f"Expected names of what all of {graph.path} passes, such as {', '.join(last_of_each_size(graph))}, "
                f"got {name!r}"
            )
    if not names or sorted(set(names), key=passages.index) != list(names):
        raise ValueError(f"Expected distinct names in the order of {graph.path}, got {list(names)}")


def trainable_part(graph: OnnxGraph, start: str, end: str) -> nn.Module:
    """Return what a graph computes between two passages, as a module of any number of images.

    Batch normalisation normalises by the batch in training, and slopes of PReLU are weights.

    Raises:
        ValueError: If onnx2torch does not know an operator, or what it makes computes something else.
    """
    import onnx2torch  # noqa: PLC0415  for files of this kind only

    with foreign("an ONNX file that onnx2torch converts", graph.path):
        part: nn.Module = onnx2torch.convert(_between(graph.free, start, end))
    _make_weights(part)
    _check_same(graph, part, start, end)
    return part


def _between(model: "ModelProto", start: str, end: str) -> "ModelProto":
    from onnx.utils import Extractor  # noqa: PLC0415  as above

    return Extractor(model).extract_model([start], [end])


def _make_weights(part: Any) -> None:
    """Turn constants into parameters where they are weights."""
    for node in part.graph.nodes:
        if node.op == "call_module" and type(part.get_submodule(node.target)).__name__ in TRAINED:
            for constant in (one for one in node.args if one.op == "get_attr"):
                owner, _, name = constant.target.rpartition(".")
                module = part.get_submodule(owner)
                if isinstance(tensor := module._buffers.get(name), Tensor):
                    del module._buffers[name]
                    module.register_parameter(name, nn.Parameter(tensor))


def _check_same(graph: OnnxGraph, part: nn.Module, start: str, end: str) -> None:
    """Compare with onnxruntime on noise: on as many images as the file fixes, and on twice as many in one batch."""
    shape = graph.images if start == graph.source else graph.shape(start)
    sizes = [known or free for known, free in zip(shape, graph.shape(start), strict=True)][1:]
    number = graph.images[0] or 1
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2 * number, *(size or 1 for size in sizes), generator=generator)  # (2·B, …)
    expected = torch.cat([_by_onnxruntime(graph, start, end, half) for half in x.chunk(2)])
    with foreign(f"{graph.path} to take {2 * number} images from {start} to {end}"), evaluating(part):
        found = part(x)
    if found.shape != expected.shape:
        raise ValueError(
            f"Expected {tuple(expected.shape)} of {2 * number} images from {start} to {end} of {graph.path}, as "
            f"onnxruntime gives, got {tuple(found.shape)}"
        )
    error = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-12))
    if not error <= TOLERANCE:
        raise ValueError(
            f"Expected onnxruntime's values within {TOLERANCE} from {start} to {end} of {graph.path}, got a difference "
            f"of {error:.1g} of the largest"
        )


def _by_onnxruntime(graph: OnnxGraph, start: str, end: str, x: Tensor) -> Tensor:
    import onnxruntime  # noqa: PLC0415  as above

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    with foreign("an ONNX file that onnxruntime runs", graph.path):
        content = _between(graph.model, start, end).SerializeToString()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return torch.from_numpy(session.run(None, {start: x.numpy()})[0])
