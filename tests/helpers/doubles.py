"""Small stand-ins for sources and occluders, so that a test states one law and nothing else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.occluders.occluder import Occluded
from datamodules.seams.face_source import Landmarks, UInt8Image

POINTS = np.array([[10, 12], [22, 12], [16, 18], [11, 24], [21, 24]], np.float32)


class PlainSource:
    """Images of one grey level each: image i has level i; some cannot be read."""

    def __init__(self, counts: Sequence[int], *, size: tuple[int, int] = (32, 32), broken: Sequence[int] = ()) -> None:
        self.counts = list(counts)
        self.size = size
        self.broken = set(broken)

    @property
    def identities(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def identity_names(self) -> Sequence[str]:
        return [f"identity-{i}" for i in range(len(self.counts))]

    def __len__(self) -> int:
        return sum(self.counts)

    def image(self, index: int) -> UInt8Image:
        if index in self.broken:
            raise DataError(f"{self.name(index)}: expected an image, got noise")
        return np.full((*self.size, 3), index % 256, np.uint8)

    def landmarks(self, index: int) -> Landmarks | None:
        return POINTS * np.array([self.size[1] / 32, self.size[0] / 32], np.float32)

    def name(self, index: int) -> str:
        return f"image-{index}"


class RandomSquare:
    """Covers a random square with a random level; the landmarks it saw are kept."""

    def __init__(self, name: str = "square") -> None:
        self.name = name
        self.seen: list[Landmarks] = []

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        self.seen.append(landmarks)
        row, column = generator.integers(0, image.shape[0] - 8, size=2)
        occluded, mask = image.copy(), np.zeros(image.shape[:2], np.uint8)
        occluded[row : row + 8, column : column + 8] = generator.integers(256)
        mask[row : row + 8, column : column + 8] = 1
        return Occluded(occluded, mask, self.name)
