"""The images of a protocol as a model takes them: as they are, resized, with their label maps where they have some."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from datamodules.dataset import FaceDataset, FaceSample
from datamodules.seams.face_source import FaceSource, UInt8Image
from datamodules.sources import FixedLandmarks


@runtime_checkable
class LabelMaps(Protocol):
    """What a source has whose images' occluders are known."""

    def label_map(self, index: int) -> UInt8Image:
        """Label map of image ``index``, ``(H, W)``: 1 where an occluder covers it."""
        ...


class LabelledFaces(Dataset[FaceSample]):
    """All images of a source with their label maps, resized; a pixel is covered where at least half of it is.

    Args:
        source: The images; it has label maps.
        image_size: Side of the images in pixels.
    """

    def __init__(self, source: FaceSource, image_size: int) -> None:
        self.faces = plain_faces(source, np.arange(len(source)), image_size)
        self.source = source
        self.image_size = image_size

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> FaceSample:
        """Return one face."""
        covered = (self.source.label_map(index) > 0).astype(np.float32)  # type: ignore[attr-defined]  # it has
        share = cv2.resize(covered, (self.image_size, self.image_size), interpolation=cv2.INTER_AREA)
        return replace(self.faces[index], mask=(share >= 0.5).astype(np.uint8))


def plain_faces(source: FaceSource, indices: NDArray[np.int64], image_size: int) -> FaceDataset:
    """Return images of a source as they are, resized."""
    landmarks = FixedLandmarks("arcface")  # nothing is covered that would look for them
    return FaceDataset(source, indices, source.identities[indices], landmarks=landmarks, image_size=image_size)


def image_digests(source: FaceSource) -> list[bytes]:
    """Return sixteen bytes for each image, which stand for its pixels.

    Raises:
        DataError: If an image cannot be read.
    """

    def pixels(index: int) -> bytes:
        image = source.image(index)
        return hashlib.blake2b(image.tobytes(), digest_size=16, key=repr(image.shape).encode()).digest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(pixels, range(len(source))))
