"""Images of a source that wear what covers others, as a source of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.recognition.dressing import prepared_masks, wearing
from callbacks.recognition.matching import Matching
from datamodules.dataset import fit_face
from datamodules.seams.face_source import FaceSource, Landmarks, UInt8Image
from datamodules.sources import FixedLandmarks
from experiments.evaluation.matching.occluder_masks import OccluderMasks

LANDMARKS = FixedLandmarks("arcface")  # nothing looks for them
KEPT = 2048
"""Faces that are kept while others wear what they do: each is drawn or read once, not for every pair."""


@dataclass(frozen=True)
class DressedFaces:
    """Images of a source, each as another of it makes it look.

    Attributes:
        source: The images.
        masks: Of all its images.
        counts: Which of the masks count, ``(N,)`` bool.
        wearers: Images that wear something, ``(M,)``.
        worn: Images that it is of, ``(M,)``.
        matching: How.
        side: Of the images that come out, in pixels: masks and faces fit there, whatever their size was.
    """

    source: FaceSource
    masks: OccluderMasks
    counts: NDArray[np.bool_]
    wearers: NDArray[np.int64]
    worn: NDArray[np.int64]
    matching: Matching
    side: int

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every wearer, ``(M,)``."""
        return self.source.identities[self.wearers]

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity."""
        return self.source.identity_names

    def __len__(self) -> int:
        return len(self.wearers)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(side, side, 3)`` uint8 RGB."""
        wearer, worn = int(self.wearers[index]), int(self.worn[index])
        faces = [self._kept(image) for image in (wearer, worn)]
        masks = [self._mask(image) for image in (wearer, worn)]
        seed = self._seed(wearer, worn)
        dressed = wearing(faces[0], faces[1], masks[0], masks[1], self.matching, seed=seed)
        image: UInt8Image = dressed[0].permute(1, 2, 0).contiguous().numpy()
        return image

    def face(self, image: int) -> UInt8Image:
        """Image of the source as it is, ``(side, side, 3)``."""
        face: UInt8Image = self._kept(image)[0].permute(1, 2, 0).numpy()
        return face

    def landmarks(self, index: int) -> Landmarks | None:
        """None: nothing more is drawn."""
        return None

    def name(self, index: int) -> str:
        """Name of the wearer, and of whose occluder it wears."""
        return f"{self.source.name(int(self.wearers[index]))} as {self.source.name(int(self.worn[index]))} is covered"

    def digests(self, images: Sequence[bytes]) -> list[bytes]:
        """Return sixteen bytes for each image, of those of all images of the source; nothing is drawn for that."""
        painting = (self.matching.fill, self.matching.place, self.matching.grow, self.matching.soften)
        settings = f"{painting} {self.side} {self.masks.side}".encode()

        def told(wearer: int, worn: int) -> bytes:
            hashed = blake2b(images[wearer] + images[worn] + settings, digest_size=16)
            for image in (wearer, worn):
                hashed.update(self.masks.bits[image].tobytes() if self.counts[image] else b"none")
            hashed.update(f"{self._seed(wearer, worn)}".encode())
            return hashed.digest()

        return [told(wearer, worn) for wearer, worn in zip(self.wearers.tolist(), self.worn.tolist(), strict=True)]

    def _seed(self, wearer: int, worn: int) -> int:
        """Return the seed of a place, which is another for every pair; noise is the same in all faces."""
        if self.matching.place == "same":
            return 0
        return int.from_bytes(blake2b(f"{wearer} {worn}".encode(), digest_size=6).digest())

    @cached_property
    def _kept(self) -> Callable[[int], Tensor]:
        return lru_cache(KEPT)(self._face)

    def _face(self, image: int) -> Tensor:
        face, _ = fit_face(self.source.image(image), self.source, image, LANDMARKS, self.side)
        return torch.from_numpy(np.ascontiguousarray(face)).permute(2, 0, 1)[None]  # (1, 3, side, side)

    def _mask(self, image: int) -> Tensor:
        if not self.counts[image]:
            return torch.zeros(1, self.side, self.side)
        return prepared_masks(torch.from_numpy(self.masks.mask(image, self.side))[None], self.matching)
