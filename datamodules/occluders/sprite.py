"""An occluder ready to be placed: premultiplied pixels at several sizes, its outline and its anchors."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.occluders.anchors import Fit, Float64, fit_solver
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.canonical_face import FACE

Floats = NDArray[np.floating[Any]]
"""Sheets ``(h, w)``, pictures ``(h, w, 3)`` and colours ``(3,)``, of any precision."""
_RIM = 2
_FINEST = 2.0  # pixels per face unit: 160 between the eyes, enough for faces of 500 pixels


class Play(NamedTuple):
    """How loosely an occluder sits: standard deviations of its random misplacement."""

    shift: float
    """In face units (the eyes are 80 apart)."""
    degrees: float
    """Rotation."""
    scale: float
    """Relative size."""


class Level(NamedTuple):
    """One size of a sprite."""

    rgba: UInt8Image
    """``(h, w, 4)``, colour premultiplied by alpha."""
    shape: UInt8Image
    """``(h, w)``: 255 where the occluder is, however transparent it may be."""
    to_sprite: Float64
    """``(3, 3)``: pixels of this level to pixels of the sprite."""


@dataclass(frozen=True)
class Sprite:
    """See :func:`make_sprite`."""

    levels: tuple[Level, ...]
    solver: Float64
    centre: tuple[float, float]
    units: float
    play: Play

    def level_number(self, scale: float, *, softer: int = 0) -> int:
        """Return which level is the smallest that is still larger than wanted.

        Args:
            scale: Image pixels per sprite pixel.
            softer: Half octaves to go further down, for a blurred look.
        """
        half_octaves = int(-2.0 * log2(max(scale, 1e-6))) if scale < 1.0 else 0
        return min(half_octaves + softer, len(self.levels) - 1)


def make_sprite(
    rgb: Floats,
    alpha: Floats,
    shape: Floats,
    anchors: Mapping[str, tuple[float, float]],
    *,
    fit: Fit = "similarity",
    play: Play,
) -> Sprite:
    """Build a sprite; every level is an area average, so that a small one shows no aliasing.

    Args:
        rgb: Colour premultiplied by ``alpha``, ``(h, w, 3)`` in 0 to 255. Averages of premultiplied colour
            carry no halo of the colour that transparent pixels happen to have.
        alpha: Opacity, ``(h, w)`` in 0 to 1.
        shape: Presence, ``(h, w)`` in 0 to 1: at least ``alpha``, except for shadows.
        anchors: Points of the face in pixels of ``rgb``; see :func:`fit_solver`.
        fit: See :func:`fit_solver`.
        play: How loosely it sits.

    Raises:
        ValueError: If the anchors do not determine the fit.
    """
    solver = fit_solver(anchors, fit)
    to_face = (solver @ FACE.ravel()).reshape(2, 3)
    units = float(np.sqrt(abs(np.linalg.det(to_face[:, :2]))))  # face units per sprite pixel
    rim = ((_RIM, _RIM), (_RIM, _RIM))  # warping blends towards nothing
    rgba = np.pad(np.dstack([rgb, 255 * alpha]), (*rim, (0, 0))).astype(np.float32)
    return Sprite(
        levels=_pyramid(rgba, np.pad(255 * shape, rim).astype(np.float32), min(1.0, _FINEST * units)),
        solver=solver,
        centre=(rgb.shape[1] / 2, rgb.shape[0] / 2),
        units=units,
        play=play,
    )


def _pyramid(rgba: Floats, shape: Floats, finest: float) -> tuple[Level, ...]:
    """Return levels half an octave apart, down to about four pixels; none is finer than ``finest``."""
    levels: list[Level] = []
    for half_octave in range(13):
        factor = min(2.0 ** (-half_octave / 2), finest)
        width, height = (max(1, round(side * factor)) for side in shape.shape[::-1])
        if levels and min(width, height) < 4:
            break
        same = levels and levels[-1].shape.shape == (height, width)
        levels.append(levels[-1] if same else _level(rgba, shape, (width, height)))
    return tuple(levels)


def _level(rgba: Floats, shape: Floats, size: tuple[int, int]) -> Level:
    x, y = shape.shape[1] / size[0], shape.shape[0] / size[1]
    # pixel centres are whole numbers, and the empty rim lies outside the sprite's coordinates
    to_sprite = np.array([[x, 0, x / 2 - 0.5 - _RIM], [0, y, y / 2 - 0.5 - _RIM], [0, 0, 1.0]])
    return Level(_reduced(rgba, size), _reduced(shape, size), to_sprite)


def _reduced(sheet: Floats, size: tuple[int, int]) -> UInt8Image:
    small = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)
