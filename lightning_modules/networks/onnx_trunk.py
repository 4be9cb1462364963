"""A network that somebody has saved as ONNX, as a trunk and a head that are trained further."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from lightning_modules.networks.onnx_graph import open_onnx
from lightning_modules.networks.onnx_parts import check_passages, last_of_each_size, trainable_part
from lightning_modules.networks.trunk import Trunk


class OnnxTrunk(Trunk):
    """An ONNX file up to its last feature map, with the file's weights.

    A stage ends at the last feature map of each height and width that all of the network passes, so that masks act
    where they do in other trunks. onnx2torch makes modules of it; that they compute what onnxruntime does is looked at
    when they are made. The number of images is free, whatever number the file is fixed to.

    Args:
        path: The file; a checkpoint needs it again.
        image_size: Side of its images in pixels, where the file leaves it open.
        ends: Names of what is made at each stage's end, in place of those found.

    Attributes:
        declared: What the file says of itself, by key, such as its pixels' range.
        origin: Where its weights come from, in words.

    Raises:
        ValueError: If the file cannot be read, cut there or converted: one line says what came.
    """

    def __init__(self, path: str, image_size: int | None = None, ends: Sequence[str] | None = None) -> None:
        graph = open_onnx(path, image_size)
        ends = last_of_each_size(graph) if ends is None else ends
        check_passages(graph, ends)
        super().__init__(trainable_part(graph, start, end) for start, end in pairwise([graph.source, *ends]))
        self.path = path
        self.declared = graph.declared
        self.ends = list(ends)
        self.origin = f"the weights in {Path(path).name}"


class OnnxHead(nn.Module):
    """The rest of an ONNX file, from the feature map where :class:`OnnxTrunk` ends to the embedding.

    Args:
        feature_shape: ``(C, H, W)`` of the trunk's output.
        path: The file.
        image_size: As the trunk's.
        after: Name of what the trunk ends with, where its ``ends`` are given.
        output: Name of the embedding among several outputs; the first ``(B, D)`` by default.

    Attributes:
        embedding_dim: D.

    Raises:
        ValueError: If the file cannot be read, cut there or converted, or takes other feature maps: both shapes are
            named.
    """

    def __init__(
        self,
        feature_shape: tuple[int, int, int],
        path: str,
        image_size: int | None = None,
        after: str | None = None,
        output: str | None = None,
    ) -> None:
        super().__init__()
        graph = open_onnx(path, image_size, output)
        after = last_of_each_size(graph)[-1] if after is None else after
        check_passages(graph, [after])
        if graph.shape(after)[1:] != tuple(feature_shape):
            raise ValueError(
                f"Expected feature maps (C, H, W) = {graph.shape(after)[1:]} for what follows {after!r} in {path}, got "
                f"{tuple(feature_shape)}"
            )
        self.rest = trainable_part(graph, after, graph.output)
        self.embedding_dim = int(graph.shape(graph.output)[-1] or 0)

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings ``(B, D)`` of feature maps ``(B, C, H, W)``."""
        embedding: Tensor = self.rest(features)  # (B, D)
        return embedding
