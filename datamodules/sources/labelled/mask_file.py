"""A mask that somebody has drawn, as a file: which of its pixels are marked."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.sources.decode import complete_format

Marked = NDArray[np.bool_]
"""``(H, W)`` bool."""
ALMOST_GREY = 24
"""How far apart the channels of what compression has left of grey may be, of 255."""
_MARKS = (1, 255, 65535)
"""What marks a pixel of a grey mask: the number of its class, or white, of 8 or 16 bits."""


def read_mask(path: Path, threshold: int | None = None) -> Marked:
    """Read which pixels of a mask are marked.

    A mask is black, and marked pixels have one other value: white, or 1, the number of their class, which looks black;
    in a palette or in colour any one colour. A transparent one is refused, as is one with greys in between, which says
    nothing clear, unless there is a threshold.

    Args:
        path: PNG, JPEG, BMP, WebP or TIFF.
        threshold: Pixels at least this bright, of 0 to 255, are marked, as lossy compression needs it; ``None`` takes
            what is exactly black or marked.

    Raises:
        DataError: If it cannot be read, or what is marked is not clear; the message names it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a mask, got {error.strerror}") from None
    complete_format(data, name=str(path))
    try:
        # as stored: neither turned by EXIF nor rounded to 8 bits
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # for instance more pixels than OpenCV allows
        pixels = None
    if pixels is None:
        raise DataError(f"{path}: expected a mask, got {len(data)} broken or truncated bytes")
    if threshold is None:
        return _exactly_marked(_levels(np.asarray(pixels), path), path)
    return _bright(np.asarray(pixels), threshold, path)


def _bright(pixels: NDArray[np.generic], threshold: int, path: Path) -> Marked:
    """Return where a mask is bright; compression may have left a trace of colour."""
    wide = 257 if pixels.dtype == np.uint16 else 1
    if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3:
        colours = pixels.astype(np.int64)
        if np.ptp(colours, axis=2).max() <= ALMOST_GREY:
            almost: Marked = colours.mean(2) >= threshold
            return almost
    levels = _levels(pixels, path)
    if (levels < 0).any():
        raise DataError(f"{path}: expected a mask in grey, as `threshold` needs it, got colours")
    bright: Marked = levels >= threshold * wide
    return bright


def _levels(pixels: NDArray[np.generic], path: Path) -> NDArray[np.int64]:
    """Return one level of each pixel: its grey, or of a colour what tells it apart from others, negative."""
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DataError(f"{path}: expected a mask of 8 or 16 bits, got {pixels.dtype}")
    levels = pixels.astype(np.int64)
    if levels.ndim == 2:
        return levels
    opaque = 65535 if pixels.dtype == np.uint16 else 255
    if levels.shape[2] not in (3, 4) or (levels[..., 3:] != opaque).any():
        raise DataError(f"{path}: expected a mask in grey, got one of {levels.shape[2]} channels with transparency")
    blue, green, red = (levels[..., channel] for channel in range(3))
    grey = (blue == green) & (green == red)
    return np.where(grey, red, -(blue + (green << 16) + (red << 32)))


def _exactly_marked(levels: NDArray[np.int64], path: Path) -> Marked:
    found = np.unique(levels)
    marks = found[found != 0]
    if len(marks) > 1 or (len(marks) and marks[0] > 0 and int(marks[0]) not in _MARKS):
        shown = ", ".join(map(str, found[:6].tolist())) + (", …" if len(found) > 6 else "")
        said = "colours" if found[0] < 0 else f"the levels {shown}"
        raise DataError(
            f"{path}: expected a mask of black and one other value (1 or white, or a colour), got {said}; where greys "
            "are rounding, `threshold` says from which on a pixel is marked"
        )
    marked: Marked = levels != 0
    return marked
