"""Label maps of a source's images: what covers the faces, and which pixels nobody asks about."""

from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.seams.face_source import UInt8Image
from losses.label_map import FACE, IGNORE, OCCLUDER


@runtime_checkable
class LabelMaps(Protocol):
    """What a source has whose images' occluders are known."""

    def label_map(self, index: int) -> UInt8Image:
        """Label map of image ``index``, ``(H, W)``: 1 where an occluder covers it, 255 where the pixel does not count.

        Raises:
            DataError: If it cannot be had; the message names it.
        """
        ...


def resized_labels(label_map: UInt8Image, size: int) -> UInt8Image:
    """Return a label map as ``(size, size)``: of 0, 1 and 255.

    A pixel is ignored where more than half of it is; else it is covered where at least half of what counts of it is.

    Args:
        label_map: ``(H, W)``: 0 is clean, 255 is ignored, any other value is covered.
        size: Side in pixels.

    Example:
        >>> resized_labels(np.array([[0, 1, 255, 255], [0, 1, 1, 255]], np.uint8), 2)[0].tolist()
        [1, 255]
    """
    ignored = label_map == IGNORE
    covered = _share((label_map != FACE) & ~ignored, size)
    labels: UInt8Image = np.where(covered >= 0.5, np.uint8(OCCLUDER), np.uint8(FACE))
    if ignored.any():
        unknown = _share(ignored, size)
        labels = np.where(covered >= 0.5 * (1 - unknown), np.uint8(OCCLUDER), np.uint8(FACE))
        labels[unknown > 0.5] = IGNORE
    return labels


def _share(chosen: NDArray[np.bool_], size: int) -> NDArray[Any]:
    return cv2.resize(chosen.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
