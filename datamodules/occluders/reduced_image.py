"""Makes huge occluder images small before they are computed with: photographs of 50 megapixels are no rarity."""

from typing import NamedTuple

import numpy as np

from datamodules.occluders.sprite import Floats
from datamodules.seams.face_source import UInt8Image

MOST = 2048
"""Pixels on the longer side that are more than any face shows of an occluder."""
_ROWS = 64


class ReducedImage(NamedTuple):
    """Area averages of an image."""

    rgb: Floats
    """``(h, w, 3)`` from 0 to 255, premultiplied by alpha."""
    alpha: Floats
    """``(h, w)`` from 0 to 1."""
    factor: int
    """How many pixels of the image a pixel is wide and high."""

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the image lies; centres of pixels are whole numbers in both."""
        return (x + 0.5) / self.factor - 0.5, (y + 0.5) / self.factor - 0.5


def reduced(image: UInt8Image, most: int = MOST) -> ReducedImage:
    """Return an image, averaged over squares of as many pixels as bring its longer side to ``most`` or less.

    What the squares at the right and lower border lack is transparent. It is read in strips, so that no more memory is
    taken than for the result.

    Args:
        image: ``(H, W, 4)`` uint8, colour as it is.
        most: Pixels of the longer side, at least 1.

    Example:
        >>> small = reduced(np.full((4, 6, 4), 255, np.uint8), most=3)
        >>> small.alpha.shape, small.factor, small.place(0, 0)
        ((2, 3), 2, (-0.25, -0.25))
    """
    height, width = image.shape[:2]
    factor = -(-max(height, width) // most)
    rows, columns = -(-height // factor), -(-width // factor)
    rgba = np.empty((rows, columns, 4), np.float32)
    for start in range(0, rows, _ROWS):
        strip = image[start * factor : (start + _ROWS) * factor].astype(np.float32)
        strip[..., :3] *= strip[..., 3:] / 255
        number = -(-len(strip) // factor)
        whole = np.pad(strip, ((0, number * factor - len(strip)), (0, columns * factor - width), (0, 0)))
        rgba[start : start + number] = whole.reshape(number, factor, columns, factor, 4).mean((1, 3))
    return ReducedImage(rgba[..., :3], rgba[..., 3] / 255, factor)
