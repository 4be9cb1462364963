"""An occluder that a visitor puts on a face, or paints."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.occluders import TemplateOccluder
from datamodules.occluders.drawn import CATEGORIES
from datamodules.seams.face_source import UInt8Image
from datamodules.sources import FixedLandmarks

NAMES: Mapping[str, str] = {name: name.replace("_", " ") for name in CATEGORIES}
"""What categories are called on the page."""
INSTANCES = 40
PAINTED_SIDE = 320
"""Of the face that is painted on, in pixels of the page."""


class Placement(NamedTuple):
    """Where an occluder lies."""

    right: float = 0.0
    """How far right of its place, in hundredths of the image's side."""
    down: float = 0.0
    """How far below."""
    size: float = 100.0
    """In hundredths of what it is by itself."""
    turn: float = 0.0
    """Clockwise, in degrees."""
    instance: int = 0
    """Seeds which of its kind."""


def covered(face: UInt8Image, category: str, placement: Placement, *, landmarks: FixedLandmarks) -> UInt8Image:
    """Return a face with an occluder on it.

    Args:
        face: ``(S, S, 3)`` uint8 RGB, aligned.
        category: One of the built-in ones.
        placement: Where it lies.
        landmarks: Where eyes and mouth are.

    Raises:
        DataError: If there is no such category.
    """
    if category not in CATEGORIES:
        raise DataError(f"Expected an occluder of {', '.join(CATEGORIES)}, got {category!r}")
    side = len(face)
    points = landmarks.scaled(side, side).astype(np.float64)
    centre, angle = points.mean(0), np.deg2rad(placement.turn)
    turning = placement.size / 100 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([placement.right, placement.down]) * side / 100
    moved = (points - centre) @ turning.T + centre + shift
    # all that is drawn without jitter is which instance it is
    return _occluder(category)(face, moved.astype(np.float32), np.random.default_rng(placement.instance)).image


@cache
def _occluder(category: str) -> TemplateOccluder:
    return TemplateOccluder(category, split="held_out", num_instances=INSTANCES, jitter=0.0)


def editor_face(face: UInt8Image) -> UInt8Image:
    """Return a face as large as it is painted on."""
    return np.asarray(cv2.resize(face, (PAINTED_SIDE, PAINTED_SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def painted(face: UInt8Image, editor: Mapping[str, Any] | None) -> UInt8Image:
    """Return a face with what was painted over it, brought to its size.

    Args:
        face: ``(S, S, 3)`` uint8 RGB.
        editor: ``layers``, images ``(H, W, 4)`` uint8 with what was painted, of an image that had the face's frame;
            ``None`` is nothing.
    """
    result: NDArray[Any] = face.astype(np.float32)
    for layer in (editor or {}).get("layers") or ():
        sheet = np.asarray(layer)
        if sheet.ndim != 3 or sheet.shape[2] != 4 or not sheet[..., 3].any():
            continue
        colour = sheet[..., :3].astype(np.float32) * (sheet[..., 3:] / np.float32(255))
        premultiplied = np.dstack([colour, sheet[..., 3].astype(np.float32)])
        small = cv2.resize(premultiplied, face.shape[1::-1], interpolation=cv2.INTER_AREA)
        result = small[..., :3] + (1 - small[..., 3:] / 255) * result
    return np.asarray(np.clip(result.round(), 0, 255), np.uint8)
