"""From a photograph to the crop that networks take: by a detector's landmarks, or as it is."""

from dataclasses import dataclass, field
from threading import Lock

import cv2
import numpy as np

from datamodules.alignment import Aligner, Detector
from datamodules.alignment.detector import detect
from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image

SMALLEST_SIDE = 16
"""Of a crop that is taken as it is, in pixels."""


@dataclass(frozen=True)
class FaceCropper:
    """Makes crops of photographs.

    Attributes:
        detector: Finds landmarks; asked by one visitor at a time.
    """

    detector: Detector | None = None
    _turn: Lock = field(default_factory=Lock)

    def __call__(self, image: UInt8Image, size: int, *, name: str, finds: bool, alignment: str) -> UInt8Image:
        """Return a crop, ``(size, size, 3)`` uint8 RGB.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.
            size: Side of the crop in pixels.
            name: What to call the photograph in a message.
            finds: Whether the face is looked for; else the middle square is taken as it is.
            alignment: Name of the template that landmarks are brought to.

        Raises:
            DataError: If no face is found, or the image is too small.
        """
        if not finds or self.detector is None:
            return middle_square(image, size, name=name)
        with self._turn:
            points = detect(self.detector, image, name=name)
        if points is None:
            raise DataError(f"{name}: expected a face, the detector found none; is it a crop already?")
        return Aligner(size=size, template=alignment)(image, points, name=name)


def middle_square(image: UInt8Image, size: int, *, name: str) -> UInt8Image:
    """Return the largest square around the middle, resized.

    Raises:
        DataError: If it has less than 16 pixels a side.

    Example:
        >>> middle_square(np.zeros((40, 60, 3), np.uint8), 32, name="crop").shape
        (32, 32, 3)
    """
    height, width = image.shape[:2]
    side = min(height, width)
    if side < SMALLEST_SIDE:
        least = f"{SMALLEST_SIDE} × {SMALLEST_SIDE}"
        raise DataError(f"{name}: expected a face of at least {least} pixels, got {width} × {height}")
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(square)
    interpolation = cv2.INTER_AREA if size < side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=interpolation), np.uint8)
