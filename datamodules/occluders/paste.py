"""Places a sprite on an image: touches the bounding box only."""

from typing import NamedTuple

import cv2
import numpy as np

from datamodules.occluders.anchors import Float64
from datamodules.occluders.blending import Blend, blend_in
from datamodules.occluders.sprite import Sprite
from datamodules.seams.face_source import UInt8Image


class Box(NamedTuple):
    """Half-open pixel ranges."""

    left: int
    top: int
    right: int
    bottom: int


class Placing(NamedTuple):
    """Where a sprite lies on an image."""

    level: int
    """Which of its levels is drawn."""
    matrix: Float64
    """``(2, 3)``: pixels of the level to pixels of the image."""
    box: Box
    unit: float
    """Pixels of the image per face unit."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the box."""
        return self.box.right - self.box.left, self.box.bottom - self.box.top

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        return np.s_[self.box.top : self.box.bottom, self.box.left : self.box.right]

    def warped(self, sheet: UInt8Image) -> UInt8Image:
        """Return a sheet of the level as it lies in the box."""
        matrix = self.matrix.copy()
        matrix[:, 2] -= (self.box.left, self.box.top)
        return np.asarray(cv2.warpAffine(sheet, matrix, self.size), np.uint8)


def placing(
    image_size: tuple[int, ...], sprite: Sprite, matrix: Float64, *, softer: int = 0, blend: Blend | None = None
) -> Placing | None:
    """Return where a sprite lies on an image, ``None`` where nothing of it does; see :func:`paste`."""
    scale = abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]) ** 0.5
    if not 1e-4 < scale < 1e4:
        return None  # a face without extent shows no occluder
    number = sprite.level_number(scale, softer=softer)
    level = sprite.levels[number]
    matrix = matrix @ level.to_sprite
    unit = scale / sprite.units
    box = _bounding_box(matrix, level.shape.shape, image_size, 0 if blend is None else blend.margin(unit))
    if box.left >= box.right or box.top >= box.bottom:
        return None
    return Placing(number, matrix, box, unit)


def label(mask: UInt8Image, shape: UInt8Image, window: tuple[slice, slice]) -> None:
    """Label in place what a shape, ``(h, w)`` uint8 in a window, covers by at least half a pixel."""
    mask[window] |= shape >= 128


def paste(
    image: UInt8Image,
    mask: UInt8Image,
    sprite: Sprite,
    matrix: Float64,
    *,
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0),
    softer: int = 0,
    blend: Blend | None = None,
) -> None:
    """Draw ``sprite`` onto ``image`` and its shape into ``mask``, both in place; what lies outside is cut.

    Args:
        image: ``(H, W, 3)`` uint8 RGB, contiguous.
        mask: ``(H, W)`` uint8; becomes 1 where the shape covers at least half a pixel.
        sprite: What to draw.
        matrix: ``(2, 3)``, sprite to image pixels.
        gain: Factors on red, green and blue.
        softer: Half octaves to blur the sprite by.
        blend: How edge, colour and shadow are blended in; ``None``: plainly.
    """
    placed = placing(mask.shape, sprite, matrix, softer=softer, blend=blend)
    if placed is None:
        return
    level, window = sprite.levels[placed.level], placed.window
    rgba, shape = placed.warped(level.rgba), placed.warped(level.shape)
    if blend is None:
        _blend(image[window], rgba, gain)
    else:
        shape = blend_in(image[window], rgba, shape, gain, blend, placed.unit)
    label(mask, shape, window)


def _bounding_box(matrix: Float64, size: tuple[int, ...], image_size: tuple[int, ...], margin: int) -> Box:
    """Return where the level lands, with a margin, cut to the image; plain floats: arrays this small cost more."""
    (a, b, x), (c, d, y) = matrix.tolist()
    height, width = size[0] - 1, size[1] - 1
    left, right = x + min(0.0, a * width) + min(0.0, b * height), x + max(0.0, a * width) + max(0.0, b * height)
    top, bottom = y + min(0.0, c * width) + min(0.0, d * height), y + max(0.0, c * width) + max(0.0, d * height)
    return Box(
        int(max(0.0, left - margin)),
        int(max(0.0, top - margin)),
        int(min(image_size[1], max(0.0, right + 2.0 + margin))),
        int(min(image_size[0], max(0.0, bottom + 2.0 + margin))),
    )


def _blend(window: UInt8Image, rgba: UInt8Image, gain: tuple[float, float, float]) -> None:
    """``window = gain · colour + (1 - alpha) · window``; colour is premultiplied."""
    colour = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    colour = cv2.multiply(colour, np.array((*gain, 1.0)))
    free = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(rgba, 3)), cv2.COLOR_GRAY2RGB)
    window[...] = cv2.add(colour, cv2.multiply(window, free, scale=1 / 255))
