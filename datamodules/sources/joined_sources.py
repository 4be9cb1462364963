"""Several sources as one: labelled photographs beside faces that occluders are drawn on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.conditions import REAL
from datamodules.seams.face_source import FaceSource, Landmarks, UInt8Image
from datamodules.seams.label_maps import LabelMaps
from losses.label_map import FACE


class JoinedSources:
    """The images of several sources, one after the other; people of two sources are two, whatever their names.

    An image of a source without label maps is uncovered everywhere: all of it counts, its background as well.

    Args:
        sources: At least one, such as a :class:`~datamodules.sources.labelled.mask_folders.MaskFolders` and an
            :class:`~datamodules.sources.image_folder.ImageFolder`.

    Raises:
        DataError: If there is none.
    """

    def __init__(self, sources: Sequence[FaceSource]) -> None:
        if not sources:
            raise DataError("Expected sources to join, got none")
        self.sources = tuple(sources)
        self._starts = np.cumsum([0, *(len(source) for source in self.sources)])

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``."""
        people = np.cumsum([0, *(len(source.identity_names) for source in self.sources)])
        numbers = [source.identities + first for source, first in zip(self.sources, people, strict=False)]
        return np.concatenate(numbers).astype(np.int64)

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity."""
        return [name for source in self.sources for name in source.identity_names]

    def __len__(self) -> int:
        return int(self._starts[-1])

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be decoded; the message names it.
        """
        source, place = self._at(index)
        return source.image(place)

    def label_map(self, index: int) -> UInt8Image:
        """Label map of image ``index``, ``(H, W)``: its source's, or 0 throughout.

        Raises:
            DataError: If it cannot be had; the message names it.
        """
        source, place = self._at(index)
        if isinstance(source, LabelMaps):
            return source.label_map(place)
        return np.full(source.image(place).shape[:2], FACE, np.uint8)

    def landmarks(self, index: int) -> Landmarks | None:
        """Five landmarks of image ``index``, ``None`` where its source knows none."""
        source, place = self._at(index)
        return source.landmarks(place)

    def name(self, index: int) -> str:
        """What its source calls image ``index``."""
        source, place = self._at(index)
        return source.name(place)

    def kind(self, index: int) -> str:
        """What covers image ``index``, as far as something does and its source says what."""
        source, place = self._at(index)
        kind: str = getattr(source, "kind", lambda _: REAL)(place)
        return kind

    def _at(self, index: int) -> tuple[FaceSource, int]:
        index = range(len(self))[index]
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self.sources[number], index - int(self._starts[number])
