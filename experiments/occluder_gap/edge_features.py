"""What an occluder's edge looks like: colours across it, how steep they are, and the noise on either side."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.seams.face_source import UInt8Image

Floats = NDArray[np.float32]
REACH = 6
"""Pixels on either side of an edge that are looked at."""
_POINTS = 400
_FEWEST = 20


def edge_features(
    image: UInt8Image, mask: NDArray[np.bool_], *, apart: NDArray[np.bool_] | None = None
) -> Floats | None:
    """Return features of the image along the mask's edge, or ``None`` if it has next to no edge.

    Colours in CIE L*a*b* are read on lines across the edge, 6 pixels to either side. Features are their mean profile
    over the edge, mean and deviation of its steps, and of each side the deviation of what a blur takes away, all for
    each channel.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        mask: ``(H, W)``.
        apart: ``(H, W)``, another mask; points within twice 6 pixels of its edge are left out.
    """
    points = _edge(mask, apart)
    if len(points) < _FEWEST:
        return None
    lab = np.asarray(cv2.cvtColor((image / 255).astype(np.float32), cv2.COLOR_RGB2Lab), np.float32)
    across = _lines(lab, points, _inwards(mask, points))  # (P, 2 · 6 + 1, 3)
    steps = np.diff(across, axis=1)
    level = across.mean(0) - across.mean((0, 1))
    residual = np.asarray(lab - cv2.GaussianBlur(lab, (0, 0), 1.0), np.float32)
    noise = _lines(residual, points, _inwards(mask, points))
    sides = [np.log(side.std((0, 1)) + 0.05) for side in (noise[:, :REACH], noise[:, REACH + 1 :])]
    parts = [level, np.abs(steps).mean(0), steps.std(0), *sides]
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def _edge(mask: NDArray[np.bool_], apart: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Return points (x, y) of the edge that are far enough inside the image, at most 400, evenly spread."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate([np.zeros((0, 2), np.int64), *(outline[:, 0] for outline in outlines)])
    height, width = mask.shape
    inside = ((points >= REACH + 1) & (points < (width - REACH - 1, height - REACH - 1))).all(1)
    points = points[inside]
    if apart is not None and len(points):
        points = points[np.abs(_distance(apart))[points[:, 1], points[:, 0]] > 2 * REACH]
    return points[:: max(1, len(points) // _POINTS)]


def _distance(mask: NDArray[np.bool_]) -> Floats:
    """Return the distance to the mask's edge, positive inside."""
    inside, outside = (cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (mask, ~mask))
    return np.asarray(inside - outside, np.float32)


def _inwards(mask: NDArray[np.bool_], points: NDArray[np.int64]) -> Floats:
    """Return unit vectors ``(P, 2)`` that lead into the mask."""
    smooth = cv2.GaussianBlur(_distance(mask), (0, 0), 2.0)
    down, right = np.gradient(smooth)
    vectors = np.stack([right, down], axis=-1)[points[:, 1], points[:, 0]]
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)


def _lines(sheet: Floats, points: NDArray[np.int64], inwards: Floats) -> Floats:
    """Return what a picture shows on lines across the edge, from outside to inside, ``(P, 13, 3)``."""
    places = (
        points[:, None].astype(np.float32) + np.arange(-REACH, REACH + 1, dtype=np.float32)[:, None] * inwards[:, None]
    )
    across, down = places[..., 0], places[..., 1]
    return np.asarray(cv2.remap(sheet, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
