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
    scale = abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]) ** 0.5
    if not 1e-4 < scale < 1e4:
        return  # a face without extent shows no occluder
    level = sprite.level(scale, softer=softer)
    matrix = matrix @ level.to_sprite
    unit = scale / sprite.units
    box = _bounding_box(matrix, level.shape.shape, mask.shape, 0 if blend is None else blend.margin(unit))
    if box.left >= box.right or box.top >= box.bottom:
        return
    matrix[:, 2] -= (box.left, box.top)
    size = (box.right - box.left, box.bottom - box.top)
    window = np.s_[box.top : box.bottom, box.left : box.right]
    rgba = np.asarray(cv2.warpAffine(level.rgba, matrix, size), np.uint8)
    shape = np.asarray(cv2.warpAffine(level.shape, matrix, size), np.uint8)
    if blend is None:
        _blend(image[window], rgba, gain)
    else:
        shape = blend_in(image[window], rgba, shape, gain, blend, unit)
    mask[window] |= shape >= 128


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
