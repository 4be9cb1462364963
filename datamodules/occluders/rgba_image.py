"""Reads an occluder's own image: colour and alpha, from whatever file and of whatever depth."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import complete_format
from datamodules.sources.orientation import stored_orientation, upright

PRESENT = 128
"""The least alpha of a pixel that counts as covered: half of it and more."""


def read_rgba(path: Path) -> UInt8Image:
    """Return an occluder's image, ``(H, W, 4)`` uint8, red first.

    PNG (also with a palette, or with one colour that is transparent), WebP and TIFF; 16 bits are scaled to 8,
    ``round(value / 257)``, and the orientation that the file names is applied.

    Raises:
        DataError: If the file is missing, cannot be decoded, has no alpha channel or is transparent everywhere.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # of a name with a null character
        reason = getattr(error, "strerror", error)
        raise DataError(f"{path}: expected an occluder image, found no such file ({reason})") from error
    kind = complete_format(data, name=str(path))
    image = _decoded(data)
    if image is None:
        raise DataError(f"{path}: expected a PNG image, got a file that cannot be decoded")
    if image.ndim != 3 or image.shape[2] != 4:
        raise DataError(f"{path}: expected an alpha channel (RGBA), got an image of shape {image.shape}")
    eight = _to_8_bits(image, path)
    if eight[..., 3].max() < PRESENT:
        raise DataError(f"{path}: expected an occluder, got an image that is transparent everywhere")
    return np.ascontiguousarray(upright(eight[..., [2, 1, 0, 3]], stored_orientation(data, kind)))


def _decoded(data: bytes) -> NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # for instance more pixels than OpenCV allows
        return None


def _to_8_bits(image: NDArray[Any], path: Path) -> UInt8Image:
    if image.dtype == np.uint16:
        return np.asarray((image.astype(np.uint32) + 128) // 257, np.uint8)
    if image.dtype != np.uint8:
        raise DataError(f"{path}: expected 8 or 16 bits a channel, got {image.dtype}")
    return np.asarray(image, np.uint8)
