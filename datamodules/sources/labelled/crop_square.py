"""A square around the face of a photograph that is no crop."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.labelled.face_region import Pixels
from losses.label_map import IGNORE

Array = TypeVar("Array", bound=NDArray[Any])


class CropSquare:
    """Cuts a square around the region of the face; beyond the photograph's borders it is black, and does not count.

    Args:
        margin: Side of the square as a multiple of the longer side of the box around the face.

    Raises:
        ValueError: If ``margin`` is below 1: the face would be cut.
    """

    def __init__(self, margin: float = 1.3) -> None:
        if not 1.0 <= margin < float("inf"):
            raise ValueError(f"Expected `margin` of at least 1, got {margin}")
        self.margin = margin

    def image(self, image: UInt8Image, region: Pixels, name: str) -> UInt8Image:
        """Return the square of an image ``(H, W, 3)``."""
        return self._cut(image, region, name, 0)

    def labels(self, labels: UInt8Image, region: Pixels, name: str) -> UInt8Image:
        """Return the square of a label map ``(H, W)``."""
        return self._cut(labels, region, name, IGNORE)

    def points(self, points: Landmarks, region: Pixels, name: str) -> Landmarks:
        """Return landmarks in the pixels of the square."""
        left, top, _ = self._square(region, name)
        moved: Landmarks = (points - np.array([left, top], np.float32)).astype(np.float32)
        return moved

    def _square(self, region: Pixels, name: str) -> tuple[int, int, int]:
        """Return left, top and side in pixels.

        Raises:
            DataError: If there is no face.
        """
        rows, columns = np.nonzero(region.any(1))[0], np.nonzero(region.any(0))[0]
        if not len(rows):
            raise DataError(f"{name}: expected a face to cut out, got none in its masks")
        (top, bottom), (left, right) = ((int(where[0]), int(where[-1]) + 1) for where in (rows, columns))
        side = round(self.margin * max(bottom - top, right - left))
        return (left + right - side) // 2, (top + bottom - side) // 2, side

    def _cut(self, array: Array, region: Pixels, name: str, beyond: int) -> Array:
        left, top, side = self._square(region, name)
        height, width = array.shape[:2]
        cut = np.full((side, side, *array.shape[2:]), beyond, array.dtype)
        rows, columns = (
            slice(max(0, start), min(size, start + side)) for start, size in ((top, height), (left, width))
        )
        inside = array[rows, columns]
        down, right = rows.start - top, columns.start - left
        cut[down : down + inside.shape[0], right : right + inside.shape[1]] = inside
        return cut  # type: ignore[return-value]  # of the same type
