"""A small painter: layers of premultiplied colour in face units, one pixel each."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.occluders.anchors import LANDMARK_NAMES, Fit
from datamodules.occluders.sprite import Floats, Play, Sprite, make_sprite
from datamodules.sources.canonical_face import FACE

Points = NDArray[np.float64]
"""``(n, 2)`` points (x, y) in face units: the eyes lie at (-40, 0) and (40, 0), the mouth at (0, 89)."""
_SHIFT = 6  # sub-pixel bits of OpenCV's drawing functions


class Canvas:
    """A transparent sheet over a part of the face.

    Args:
        left: Left edge of the sheet in face units, a whole number.
        top: Upper edge of the sheet in face units, a whole number.
        right: Right edge of the sheet in face units, a whole number.
        bottom: Lower edge of the sheet in face units, a whole number.
    """

    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self.origin = np.array([left, top], dtype=np.float64)
        size = (bottom - top, right - left)
        self.rgb: Floats = np.zeros((*size, 3), np.float32)
        self.alpha: Floats = np.zeros(size, np.float32)
        self.shape: Floats = np.zeros(size, np.float32)
        y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
        self.x: Floats = x
        self.y: Floats = y

    def polygon(self, *outlines: Points) -> Floats:
        """Return the anti-aliased inside, 0 to 1; an outline within another one is a hole."""
        sheet = np.zeros(self.alpha.shape, np.uint8)
        cv2.fillPoly(sheet, [self._fixed(o) for o in outlines], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
        return np.multiply(sheet, 1 / 255, dtype=np.float32)

    def line(self, points: Points, width: int, *, closed: bool = False) -> Floats:
        """Return an anti-aliased stroke, 0 to 1."""
        sheet = np.zeros(self.alpha.shape, np.uint8)
        cv2.polylines(sheet, [self._fixed(points)], closed, 255, width, cv2.LINE_AA, _SHIFT)
        return np.multiply(sheet, 1 / 255, dtype=np.float32)

    def paint(self, inside: Floats, colour: Floats, opacity: float | Floats = 1.0) -> None:
        """Lay ``colour``, ``(3,)`` or ``(h, w, 3)`` in 0 to 255, over what is there; the shape grows by ``inside``."""
        cover = inside * opacity
        self.rgb += cover[..., None] * (colour - self.rgb)
        self.alpha += cover * (1 - self.alpha)
        self.shape = np.maximum(self.shape, inside)

    def shade(self, factor: Floats, inside: Floats | float = 1.0) -> None:
        """Multiply the colour by ``factor`` within ``inside``."""
        gain = 1 + inside * (factor - 1)
        self.rgb = np.minimum(self.rgb * gain[..., None], 255 * self.alpha[..., None])

    def shine(self, amount: Floats) -> None:
        """Move the colour towards white by ``amount``, 0 to 1, where something is."""
        self.rgb += (amount * self.shape)[..., None] * (255 - self.rgb)
        self.alpha += amount * self.shape * (1 - self.alpha)

    def cut(self, inside: Floats) -> None:
        """Make a hole."""
        keep = 1 - inside
        self.rgb, self.alpha, self.shape = self.rgb * keep[..., None], self.alpha * keep, self.shape * keep

    def drop_shadow(self, down: int = 3, blur: float = 3.0, strength: float = 0.35) -> None:
        """Darken the face softly below and around the shape; a shadow is no occluder."""
        shifted = np.roll(self.shape, down, axis=0)
        shifted[:down] = 0
        soft = soften(shifted, blur) * np.float32(strength)
        self.alpha += soft * (1 - self.alpha)

    def sprite(self, play: Play, *, anchors: tuple[str, ...] = LANDMARK_NAMES, fit: Fit = "similarity") -> Sprite:
        """Crop the sheet to what is drawn and turn it into a sprite."""
        rows, columns = np.flatnonzero(self.alpha.any(axis=1)), np.flatnonzero(self.alpha.any(axis=0))
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        landmarks = dict(zip(LANDMARK_NAMES, FACE - self.origin - (columns[0], rows[0]), strict=True))
        points = {name: (float(landmarks[name][0]), float(landmarks[name][1])) for name in anchors}
        return make_sprite(self.rgb[window], self.alpha[window], self.shape[window], points, fit=fit, play=play)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        fixed: NDArray[np.int32] = np.rint((points - self.origin) * 2**_SHIFT).astype(np.int32)
        return fixed


def soften(sheet: Floats, sigma: float) -> Floats:
    """Blur one sheet."""
    return np.asarray(cv2.GaussianBlur(sheet, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT))
