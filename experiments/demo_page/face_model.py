"""A model as the page asks it: crops in, embeddings, occluders and classes out, for several visitors at once."""

from collections.abc import Sequence
from threading import RLock
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources import FixedLandmarks
from experiments.demo_page.face_mapper import FaceMapper
from experiments.evaluation.given_models import Model
from lightning_modules.extractors.extractor import Extractor
from lightning_modules.networks import occluder_probability
from lightning_modules.networks.foreign import foreign

AT_ONCE = 32
"""Faces in a network at once: others wait no longer than these take."""
USUAL_ALIGNMENT = "arcface"


class FaceModel:
    """A recogniser, a segmenter, or both.

    Args:
        model: As it was given.
        landmarks: Where eyes and mouth are in its faces; by default, where its alignment puts them.

    Attributes:
        name: What to call it.
        size: Side of its images in pixels.
        turn: Held while its network is at work: one visitor at a time.
        embedding_network: From images as the network takes them to embeddings; ``None`` of a model that makes none.
        segments: Whether it says where occluders are.
    """

    def __init__(self, model: Model, landmarks: FixedLandmarks | None = None) -> None:
        self.model = model
        self.key = model.key  # as it was built: before it has run
        self.name = model.name
        self.size = model.extraction.image_size
        self.alignment = model.alignment or USUAL_ALIGNMENT
        self.landmarks = landmarks or FixedLandmarks(self.alignment)
        self.module: Any = model.extraction.module.eval()
        self.turn = RLock()
        # at once, not when it is asked for: who holds the turn would wait for who waits for the turn
        blank = torch.zeros(1, 3, self.size, self.size, dtype=torch.uint8)
        self.embedding_network = self._embedding_network(blank)
        self.segments = self._says_occluders(blank)
        self._mapper: FaceMapper | None = None

    def embed(self, faces: Tensor) -> Tensor:
        """Return embeddings ``(N, D)`` float32 of raw RGB faces ``(N, 3, H, W)`` of the model's size.

        Raises:
            DataError: If the model embeds nothing, or an embedding is not finite.
        """
        if self.embedding_network is None:
            raise DataError(f"{self.name}: expected a model that embeds faces, got one that does not")
        found = self._in_parts(lambda part: self.embedding_network(self.module.pixels(part)).float(), faces)
        if not torch.isfinite(found).all():
            raise DataError(f"{self.name}: expected finite embeddings of these faces, got others")
        return found

    def occluders(self, faces: Tensor) -> Tensor | None:
        """Return the probability of an occluder at each pixel, ``(N, H, W)``; ``None`` of a model that says none."""
        if not self.segments:
            return None
        found = self._in_parts(self._probability, faces)
        if found.shape[1:] == faces.shape[2:]:
            return found
        return F.interpolate(found[:, None], size=faces.shape[2:], mode="bilinear")[:, 0]

    @property
    def mapper(self) -> FaceMapper:
        """What its occlusion maps are made with; asked for while :attr:`turn` is held.

        Raises:
            DataError: If the model embeds nothing.
        """
        if self.embedding_network is None:
            raise DataError(f"{self.name}: expected a model that embeds faces, got one that does not")
        if self._mapper is None:
            self._mapper = FaceMapper(self.module, self.embedding_network, segments=self.segments)
        return self._mapper

    @property
    def classifier(self) -> nn.Module | None:
        """From images as the network takes them to class scores; ``None`` of a model without classes."""
        method = getattr(self.module, "logits_network", None)
        return None if method is None else method()

    def _embedding_network(self, blank: Tensor) -> Any:
        try:
            network = self.module.embedding_network()
            with torch.no_grad():
                network(self.module.pixels(blank))
        except (ValueError, AttributeError):
            return None
        return network

    def _says_occluders(self, blank: Tensor) -> bool:
        try:
            with torch.no_grad(), foreign(f"{self.name} to take faces of {self.size} pixels"):
                return self._probability(blank) is not None
        except ValueError:
            return False

    def _probability(self, images: Tensor) -> Any:
        if isinstance(self.module, Extractor):
            return self.module.outputs(images).get("occluder_probability")
        logits = getattr(self.module.network(self.module.pixels(images)), "logits", None)
        return None if logits is None else occluder_probability(logits)

    def _in_parts(self, run: Any, faces: Tensor) -> Tensor:
        found = []
        for part in torch.split(faces, AT_ONCE):
            with self.turn, torch.no_grad(), foreign(f"{self.name} to take faces of {self.size} pixels"):
                found.append(run(part))
        return torch.cat(found)


def stacked(faces: Sequence[UInt8Image]) -> Tensor:
    """Return faces ``(S, S, 3)`` as one tensor ``(N, 3, S, S)`` uint8."""
    return torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).contiguous()
