"""What occlusion maps of a model's faces are made with: a network that torch follows, where one embeds alike."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from callbacks.occlusion_sensitivity.engine import Method
from callbacks.occlusion_sensitivity.occluded_embeddings import OccludedEmbedder
from lightning_modules.extractors import OnnxExtractor
from lightning_modules.extractors.converted_onnx import check_alike, converted

GREY = 127.5
"""Of the square, in pixels' values."""


class MapNetwork(NamedTuple):
    """From images as a model's network takes them to embeddings."""

    network: nn.Module
    method: Method
    """``"incremental"`` computes again what the square can have changed, ``"dense"`` all."""
    note: str = ""
    """Why all is computed, in words; empty where it is not."""


class FaceMapper:
    """Embeds faces with a square at every place; a network is converted once, and traced when the square is another.

    An ONNX file is converted to torch; what cannot be, or would embed otherwise, is run as it is.

    Args:
        module: The model.
        network: Its embeddings, as it makes them.
        segments: Whether it says where occluders are.
    """

    def __init__(self, module: Any, network: nn.Module, *, segments: bool) -> None:
        self.module = module
        self.network = network
        self.made = self._made(segments)
        self._last: tuple[object, OccludedEmbedder] | None = None

    def __call__(self, faces: Tensor, *, occluder: int, stride: int, images: int) -> tuple[OccludedEmbedder, str]:
        """Return what embeds faces with a grey square, and why all of every picture is computed, if it is.

        Args:
            faces: Raw RGB images ``(N, 3, H, W)``, of those to be embedded.
            occluder: Side of the square in pixels.
            stride: Pixels between its centres.
            images: How many will be embedded.

        Raises:
            ValueError: If the square is larger than the faces.
        """
        made = self.for_faces(faces)
        key = (id(made.network), tuple(faces.shape[1:]), occluder, stride, images)
        if self._last is None or self._last[0] != key:
            embedder = OccludedEmbedder(
                made.network,
                self.module.pixels(faces[:1]),
                occluder_size=(occluder, occluder),
                fill=grey(self.module),
                stride=stride,
                method=made.method,
                few_images=images,
            )
            self._last = key, embedder
        return self._last[1].renewed(), made.note

    def for_faces(self, faces: Tensor) -> MapNetwork:
        """Return what maps of faces are made with: a converted network where it embeds these as the model does."""
        if self.made.network is self.network or not isinstance(self.module, OnnxExtractor):
            return self.made
        try:
            check_alike(self.made.network, self.module, faces)
        except ValueError as error:
            return MapNetwork(self.network, "dense", str(error))
        return self.made

    def _made(self, segments: bool) -> MapNetwork:
        if segments:
            return MapNetwork(self.network, "dense", "its own mask depends on all of the face")
        if not getattr(self.module, "is_program", False):
            return MapNetwork(self.network, "incremental")
        if not isinstance(self.module, OnnxExtractor):
            return MapNetwork(self.network, "dense", "torch cannot follow it")
        try:
            return MapNetwork(converted(self.module), "incremental")
        except ValueError as error:
            return MapNetwork(self.network, "dense", str(error))


def grey(module: Any) -> Tensor:
    """Return the square's values as a model's network takes them, ``(C,)``."""
    with torch.no_grad():
        found: Tensor = module.pixels(torch.full((1, 3, 1, 1), GREY)).flatten()
    return found
