"""What all readers of labelled photographs share: images, label maps, people where they are known."""

import re
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.conditions import REAL
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.decode import read_image
from datamodules.sources.labelled.crop_square import CropSquare
from datamodules.sources.labelled.face_region import FaceRegion, Marks, Pixels, face_labels
from datamodules.sources.landmarks import LandmarkSource


class LabelledFile(NamedTuple):
    """One photograph."""

    name: str
    """Path of the image below the set's folder of images."""
    masks: tuple[str, ...]
    """Paths of its masks below the set's folder of masks."""
    person: str | None = None
    """Whom it shows, where that is known."""
    kind: str = REAL
    """What covers the face, where something does and the set says it."""


class LabelledSet:
    """Photographs with label maps: 0 is the visible face, 1 what covers it, 255 neither.

    Args:
        root: Folder of the images.
        files: The photographs.
        region: What finds the face in a photograph; ``None`` counts no more than the masks mark.
        landmarks: Of the images as they are stored; ``None`` where there are none.
        crop: Cuts a square around the face out of photographs that are no crops; ``None`` takes them as they are.

    Raises:
        DataError: If there is no photograph.
    """

    def __init__(
        self,
        root: Path | str,
        files: Sequence[LabelledFile],
        *,
        region: FaceRegion | None,
        landmarks: LandmarkSource | None = None,
        crop: CropSquare | None = None,
    ) -> None:
        self.root = Path(root)
        self.files = tuple(files)
        if not self.files:
            raise DataError(f"{self.root}: expected images with masks, got none")
        self.region = region
        self.crop = crop
        self._landmarks = landmarks
        people = [file.name if file.person is None else file.person for file in self.files]
        self._identity_names, self._identities = np.unique(people, return_inverse=True)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``; one of its own where nobody says whom it shows."""
        identities: NDArray[np.int64] = self._identities.astype(np.int64)
        return identities

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity; the image's where nobody says whom it shows."""
        return [str(name) for name in self._identity_names]

    def __len__(self) -> int:
        return len(self.files)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be read, or, where it is cropped, its face cannot be found; the message names it.
        """
        image = self.photograph(index)
        if self.crop is None:
            return image
        region, _ = self._face(index, image.shape[:2])
        return self.crop.image(image, region, self.name(index))

    def label_map(self, index: int) -> UInt8Image:
        """Label map of image ``index``, ``(H, W)``: 0 visible face, 1 covered, 255 neither.

        Raises:
            DataError: If a mask cannot be read, has another size, or leaves nothing that counts; the message names it.
        """
        region, labels = self._face(index, self.photograph(index).shape[:2])
        return labels if self.crop is None else self.crop.labels(labels, region, self.name(index))

    def landmarks(self, index: int) -> Landmarks | None:
        """Five landmarks of image ``index`` in its own pixels, ``None`` where the set has none."""
        if self._landmarks is None:
            return None
        shape = self.photograph(index).shape[:2]
        points = self._landmarks(self, index, *shape)
        if self.crop is None:
            return points
        return self.crop.points(points, self._face(index, shape)[0], self.name(index))

    def name(self, index: int) -> str:
        """Path of image ``index`` below the root."""
        return self.files[index].name

    def kind(self, index: int) -> str:
        """What covers the face of image ``index``, as far as something does."""
        return self.files[index].kind

    def photograph(self, index: int) -> UInt8Image:
        """Image ``index`` as it is stored, ``(H, W, 3)``."""
        return read_image(self.root / self.name(index))

    def marks(self, index: int, shape: tuple[int, ...]) -> Marks:
        """What the masks of image ``index`` mark, of the image's shape ``(H, W)``; every reader says it."""
        raise NotImplementedError

    def _stored(self) -> "LabelledSet":
        """Return the set without cropping: regions find what is cropped, by landmarks of whole photographs."""
        stored = copy(self)
        stored.crop = None
        return stored

    def _face(self, index: int, shape: tuple[int, ...]) -> tuple[Pixels, UInt8Image]:
        """Return the region of the face and the label map of a photograph as it is stored."""
        marks = self.marks(index, shape)
        found = None if self.region is None else self.region(marks, self._stored(), index)
        labels = face_labels(marks, found, self.name(index))
        region = found if found is not None else np.logical_or.reduce([part for part in marks[:2] if part is not None])
        return region, labels


def fitted(mark: Pixels, shape: tuple[int, ...], path: Path, *, enlarged: bool = False) -> Pixels:
    """Return a mask of an image's shape.

    Args:
        mark: The mask.
        shape: Height and width of the image.
        path: Of the mask, for messages.
        enlarged: Whether the mask may be smaller by a whole factor; each of its pixels is then several.

    Raises:
        DataError: If it does not fit.
    """
    if mark.shape == tuple(shape):
        return mark
    factor, rest = divmod(shape[0], mark.shape[0])
    if enlarged and not rest and shape[1] == factor * mark.shape[1]:
        return mark.repeat(factor, 0).repeat(factor, 1)
    raise DataError(
        f"{path}: expected a mask of its image's size {shape[1]} × {shape[0]}, got {mark.shape[1]} × {mark.shape[0]}"
    )


def person_of(name: str, pattern: str | None) -> str | None:
    r"""Return whom an image shows, by its path: the first group of a pattern that is found in it, or ``None``.

    Raises:
        ValueError: If the pattern is no regular expression with a group.

    Example:
        >>> person_of("Ada/Ada_0001.jpg", r"([^/]+)_\d+\.")
        'Ada'
    """
    if pattern is None:
        return None
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"Expected `person` to be a regular expression, got {pattern!r}: {error}") from None
    if expression.groups < 1:
        raise ValueError(f"Expected `person` with a group, such as '([^/]+)/', got {pattern!r}")
    found = expression.search(name)
    return None if found is None else found.group(1)
