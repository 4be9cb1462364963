"""What covers a face: the seam between any occluder and the suite."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from datamodules.seams.face_source import Landmarks, UInt8Image


class Occluded(NamedTuple):
    """A face and what covers it; image and label map come out together."""

    image: UInt8Image
    """``(H, W, 3)`` uint8 RGB."""
    mask: UInt8Image
    """``(H, W)`` uint8: 1 where the occluder covers the image, else 0."""
    occluder: str
    """The category, ``"none"`` where nothing was drawn."""


class Occluder(Protocol):
    """Covers a face, or leaves it as it is."""

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Return the occluded copy of ``image`` and its label map.

        Args:
            image: ``(H, W, 3)`` uint8 RGB; never changed in place.
            landmarks: ``(5, 2)`` in pixels of ``image``.
            generator: The only source of randomness.
        """
        ...


@runtime_checkable
class EpochOccluder(Protocol):
    """An occluder that covers the faces of each training epoch in another way, and others as in its last."""

    def at_epoch(self, epoch: int) -> Occluder:
        """Return what covers the training faces of an epoch, counted from 0."""
        ...

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Return the occluded copy of ``image`` and its label map; see :class:`Occluder`."""
        ...
