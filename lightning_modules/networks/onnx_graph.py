"""An ONNX file as a graph that can be trained: for any number of images, cut where all of it passes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.networks.foreign import foreign, mistaken_for

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

Shape = tuple[int | None, ...]
"""Dimensions; ``None`` where a file leaves one open."""
_BATCH = "batch"
_VERSIONS = (11, 17)
"""Of ONNX's operators, first and last that onnx2torch 1.5 has: older Dropouts and newer Reshapes it has not."""


@dataclass(frozen=True)
class OnnxGraph:
    """A network from images to embeddings in an ONNX file.

    Args:
        path: The file.
        model: What is in it, as it is.
        free: A copy for any number of images, with the shapes of what its nodes make.
        source: Name of its images.
        output: Name of its embeddings.
        images: Shape of the images as the file has it.
    """

    path: str
    model: "ModelProto"
    free: "ModelProto"
    source: str
    output: str
    images: Shape

    @property
    def declared(self) -> dict[str, str]:
        """What the file says of itself, by key."""
        return {entry.key: entry.value for entry in self.model.metadata_props}

    def shape(self, name: str) -> Shape:
        """Return the shape of what a node makes, of one image; empty where it is not known."""
        graph = self.free.graph
        values = (*graph.input, *graph.value_info, *graph.output)
        return next((_shape(value) for value in values if value.name == name), ())

    def passages(self) -> list[str]:
        """Return the names of what all paths from images to embeddings pass, in their order."""
        return list(_passages(self.free.graph, self.source, self.output))


def open_onnx(path: str, image_size: int | None = None, output: str | None = None) -> OnnxGraph:
    """Read an ONNX file.

    Args:
        path: The file.
        image_size: Side of its images, where the file leaves it open.
        output: Name of the embeddings, where there are several outputs; the first ``(B, D)`` by default.

    Raises:
        ValueError: If it cannot be read, or is no network from images ``(B, C, H, W)`` to embeddings ``(B, D)``.
    """
    import onnx  # noqa: PLC0415  for files of this kind only

    if not Path(path).exists():
        raise ValueError(f"Expected an ONNX file at {path}, got no such file")
    if what := mistaken_for(Path(path)):
        raise ValueError(f"Expected an ONNX file at {path}, got {what}")
    with foreign("an ONNX file", path):
        model = onnx.load(path)
        onnx.checker.check_model(model)
    _leave_out_initialised(model.graph)
    source, images = _images(model.graph, path)
    name = _embeddings(model.graph, output, path)
    with foreign("an ONNX file with shapes that follow from its images'", path):
        free = onnx.shape_inference.infer_shapes(_freed(model, image_size), data_prop=True)
        inferred = onnx.shape_inference.infer_shapes(model)
    return OnnxGraph(path, inferred, free, source, name, images)


def _shape(value: "ValueInfoProto") -> Shape:
    dimensions = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in dimensions)


def _leave_out_initialised(graph: "GraphProto") -> None:
    """Take out of the inputs what has a value, as files of ONNX's third version list it."""
    initialised = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initialised]
    del graph.input[:]
    graph.input.extend(inputs)


def _images(graph: "GraphProto", path: str) -> tuple[str, Shape]:
    found = [(value.name, _shape(value)) for value in graph.input]
    shape = found[0][1] if found else ()
    if len(found) != 1 or len(shape) != 4 or (shape[3] in (1, 3) and shape[1] not in (1, 3)):
        got = ", ".join(f"{name} {shape}" for name, shape in found)
        raise ValueError(f"Expected an ONNX file with one input of images (B, C, H, W), got {path}: {got}")
    return found[0]


def _embeddings(graph: "GraphProto", output: str | None, path: str) -> str:
    found = {value.name: _shape(value) for value in graph.output}
    chosen: list[str] = [
        name for name, shape in found.items() if name == output or (output is None and len(shape) in (0, 2))
    ]
    if not chosen:
        wanted = f"an output {output!r}" if output else "an output of embeddings (B, D)"
        got = ", ".join(f"{name} {shape}" for name, shape in found.items())
        raise ValueError(f"Expected an ONNX file with {wanted}, got {path}: {got}")
    return chosen[0]


def _freed(model: "ModelProto", image_size: int | None) -> "ModelProto":
    """Return a copy for any number of images of one size: nothing in it has the number that the file fixes."""
    copied = _of_known_version(model)
    graph = copied.graph
    dimensions = graph.input[0].type.tensor_type.shape.dim
    fixed = dimensions[0].dim_value
    dimensions[0].dim_param = _BATCH
    for dimension in dimensions[2:]:
        if not dimension.dim_value and image_size is not None:
            dimension.dim_value = image_size
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    for node in graph.node:
        if node.op_type == "Reshape":
            _free_reshape(graph, node, fixed)
    return copied


def _of_known_version(model: "ModelProto") -> "ModelProto":
    """Return a copy in operators of a version that onnx2torch knows."""
    from onnx import version_converter  # noqa: PLC0415  as above

    version = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=_VERSIONS[0])
    if not _VERSIONS[0] <= version <= _VERSIONS[1]:
        return version_converter.convert_version(model, min(max(version, _VERSIONS[0]), _VERSIONS[1]))
    copied = type(model)()
    copied.CopyFrom(model)
    return copied


def _free_reshape(graph: "GraphProto", node: "NodeProto", fixed: int) -> None:
    """Let a node keep the number of images, as 0 in a shape says; no shape here has a dimension of 0 itself."""
    from onnx import numpy_helper  # noqa: PLC0415  as above

    kept = [attribute for attribute in node.attribute if attribute.name != "allowzero"]
    del node.attribute[:]
    node.attribute.extend(kept)
    constants = {tensor.name: tensor for tensor in graph.initializer} | _constants(graph)
    target = constants.get(node.input[1])
    if target is None or node.input[0] in constants or not fixed:
        return
    sizes = numpy_helper.to_array(target).copy()
    if len(sizes) and sizes[0] == fixed:
        sizes[0] = 0
        name = f"{node.output[0]}/shape"
        graph.initializer.append(numpy_helper.from_array(sizes, name))
        node.input[1] = name


def _constants(graph: "GraphProto") -> dict[str, Any]:
    return {
        node.output[0]: attribute.t
        for node in graph.node
        for attribute in node.attribute
        if node.op_type == "Constant" and attribute.name == "value"
    }


def _passages(graph: "GraphProto", source: str, output: str) -> Iterator[str]:
    """Yield what is, when its node has run, all that later nodes want of the images."""
    nodes = _leading_to(graph.node, output)
    wanted = Counter(name for node in nodes for name in node.input) + Counter([output])
    live = Counter({source: wanted[source]})
    for node in nodes:
        used = [name for name in node.input if live[name]]
        if not used:
            continue
        live -= Counter(used)
        live += Counter({name: wanted[name] for name in node.output if name})
        if len(live) == 1:
            yield next(iter(live))


def _leading_to(nodes: "Sequence[NodeProto]", output: str) -> "list[NodeProto]":
    needed, leading = {output}, []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            leading.append(node)
            needed.update(node.input)
    return leading[::-1]
