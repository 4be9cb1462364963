"""Where faces come from: the seam between any dataset and the suite."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

UInt8Image = NDArray[np.uint8]
"""``(H, W, 3)`` RGB image, or ``(H, W)`` label map, uint8."""

Landmarks = NDArray[np.float32]
"""``(5, 2)`` points as (x, y) in pixels: left eye, right eye, nose tip, left and right mouth corner, as seen."""


@runtime_checkable
class FaceSource(Protocol):
    """A collection of face images of known identities, indexed from 0."""

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``, from 0 to ``len(identity_names) - 1``."""
        ...

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be decoded; the message names it.
        """
        ...

    def landmarks(self, index: int) -> Landmarks | None:
        """Five landmarks of image ``index`` in its own pixels, or ``None`` where the source knows none."""
        ...

    def name(self, index: int) -> str:
        """What to call image ``index`` in a message: its path relative to the source, or its key."""
        ...
