"""Parts to pixels: anti-aliased polygons on a canvas of twice the image's size."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.sources.synthetic.curves import FacePart
from datamodules.sources.synthetic.pose import Pose, project
from datamodules.sources.synthetic.sampling import Columns
from datamodules.sources.synthetic.scene import BACKDROP

_SHIFT = 4  # corners are given to OpenCV in sixteenths of a pixel
_ZOOM = 2
_LARGEST = 1 << 20  # keeps stray corners inside 32-bit fixed point

UInt8 = NDArray[np.uint8]


def draw_parts(parts: Sequence[FacePart], pose: Pose, scene: Columns, size: int) -> UInt8:
    """Draw parts back to front over a soft background.

    Returns:
        ``(B, size, size, 4)``: albedo as RGB and the material's answer to light.
    """
    corners = _corners(parts, pose)
    colours = [part.colour.tolist() for part in parts]
    shown = [None if part.visible is None else part.visible.tolist() for part in parts]
    images = np.empty((len(pose.x), size, size, 4), np.uint8)
    for row, canvas in enumerate(_backdrops(scene, _ZOOM * size)):
        for part, colour, visible in zip(corners, colours, shown, strict=True):
            if visible is None or visible[row]:
                cv2.fillPoly(canvas, list(part[row]), colour[row], cv2.LINE_AA, _SHIFT)
        cv2.resize(canvas, (size, size), dst=images[row], interpolation=cv2.INTER_AREA)
    return images


def _corners(parts: Sequence[FacePart], pose: Pose) -> list[NDArray[np.int32]]:
    """Corners of every part in fixed point on the canvas, ``(B, n, P, 2)`` each, from one projection of all."""
    batch = len(pose.x)
    x, y = project(pose, np.concatenate([part.points.reshape(batch, -1, 3) for part in parts], axis=1))
    flat = np.stack([x, y], axis=-1) * _ZOOM + 0.5 * (_ZOOM - 1)  # pixel centres of the canvas
    fixed = np.clip(np.rint(flat * (1 << _SHIFT)), -_LARGEST, _LARGEST).astype(np.int32)
    corners, start = [], 0
    for part in parts:
        count, points = part.points.shape[1:3]
        corners.append(fixed[:, start : start + count * points].reshape(batch, count, points, 2))
        start += count * points
    return corners


def _backdrops(scene: Columns, size: int) -> Sequence[UInt8]:
    """A blurred background for every image, ``(size, size, 4)`` each, that light does not model."""
    cells = scene["backdrop"].reshape(-1, BACKDROP, BACKDROP, 3)
    base = scene["backdrop_base"][:, None, None, :]
    colour = base + scene["backdrop_contrast"][:, :, None, None] * (cells - 0.5)
    grey = colour[..., 1:2]
    colour = grey + scene["backdrop_saturation"][:, :, None, None] * (colour - grey)
    colour = 15.0 + 225.0 * np.clip(colour, 0.0, 1.0)
    grid = np.concatenate([colour, np.zeros_like(colour[..., :1])], axis=-1).astype(np.uint8)
    return [np.asarray(cv2.resize(cell, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8) for cell in grid]
