"""The images of a protocol as a model takes them: as they are, resized, with their label maps where they have some."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from datamodules.dataset import FaceDataset
from datamodules.face_samples import FaceSample
from datamodules.seams.face_source import FaceSource
from datamodules.seams.label_maps import resized_labels
from datamodules.sources import FixedLandmarks


class LabelledFaces(Dataset[FaceSample]):
    """All images of a source with their label maps, resized as :func:`~.seams.label_maps.resized_labels` says.

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
        given = self.source.label_map(index)  # type: ignore[attr-defined]  # it has
        return replace(self.faces[index], mask=resized_labels(given, self.image_size))


def plain_faces(source: FaceSource, indices: NDArray[np.int64], image_size: int) -> FaceDataset:
    """Return images of a source as they are, resized."""
    landmarks = FixedLandmarks("arcface")  # nothing is covered that would look for them
    return FaceDataset(source, indices, source.identities[indices], landmarks=landmarks, image_size=image_size)


def image_digests(source: FaceSource, indices: Iterable[int] | None = None) -> list[bytes]:
    """Return sixteen bytes for each image, which stand for its pixels.

    Args:
        source: Has the images.
        indices: Of those that are asked for; ``None``: all.

    Raises:
        DataError: If an image cannot be read.
    """

    def pixels(index: int) -> bytes:
        image = source.image(index)
        return hashlib.blake2b(image.tobytes(), digest_size=16, key=repr(image.shape).encode()).digest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(pixels, range(len(source)) if indices is None else indices))
