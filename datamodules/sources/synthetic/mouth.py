"""Lips, teeth and the dark between them."""

from typing import NamedTuple

import numpy as np

from datamodules.sources.synthetic.curves import FacePart, between, lift
from datamodules.sources.synthetic.palette import EYE, SKIN, lip_colour, material, mix, skin_colour
from datamodules.sources.synthetic.sampling import Columns, Floats

_ALONG = np.linspace(-1.0, 1.0, 17)
_FRONT = 0.10  # the lips stand so far before the smooth head


class _Lips(NamedTuple):
    """Edges of the lips over ``x``, each ``(B, 17)``."""

    x: Floats
    top: Floats
    inner_top: Floats
    inner_bottom: Floats
    bottom: Floats


def mouth_corners(traits: Columns, scene: Columns) -> Floats:
    """Left and right mouth corner as seen, ``(B, 2, 3)``."""
    lips = _lips(traits, scene)
    return lift(lips.x[:, [0, -1]], lips.inner_top[:, [0, -1]], _FRONT)


def lip_middles(traits: Columns, scene: Columns) -> Floats:
    """Middle of the upper lip's upper and of the lower lip's lower edge, ``(B, 2, 3)``."""
    lips = _lips(traits, scene)
    middle = len(_ALONG) // 2
    y = np.stack([lips.top[:, middle], lips.bottom[:, middle]], axis=1)
    return lift(lips.x[:, [middle, middle]], y, _FRONT)


def mouth_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """The mouth, back to front."""
    lips = _lips(traits, scene)
    colour, skin = lip_colour(traits), skin_colour(traits)
    bow = 1.0 - _ALONG * _ALONG
    gap = lips.inner_bottom - lips.inner_top
    teeth = np.minimum(lips.inner_top + 0.10 * bow, lips.inner_top + 0.8 * gap)
    white = np.broadcast_to(np.array([232.0, 224.0, 210.0]), colour.shape)
    line = 0.010 + 0.006 * bow
    gloss = lips.inner_bottom + 0.42 * (lips.bottom - lips.inner_bottom)
    below = lips.bottom + 0.07
    return [
        FacePart(
            _area(lips.x[:, 5:12], below[:, 5:12] - 0.028 * bow[5:12], below[:, 5:12]), material(skin * 0.82, SKIN)
        ),
        FacePart(_area(lips.x, lips.inner_top, lips.inner_bottom), material(colour * 0.25, 0.5 * SKIN)),
        FacePart(_area(lips.x, lips.inner_top, teeth), material(white, EYE), gap[:, len(_ALONG) // 2] > 0.02),
        FacePart(_area(lips.x, lips.top, lips.inner_top), material(colour * 0.88, SKIN)),
        FacePart(_area(lips.x, lips.inner_bottom, lips.bottom), material(colour, SKIN)),
        FacePart(
            _area(0.6 * lips.x, gloss - 0.013 * bow, gloss + 0.013 * bow),
            material(mix(colour, np.full_like(colour, 255.0), 0.16), SKIN),
        ),
        FacePart(_area(lips.x, lips.inner_top - line, lips.inner_top + line), material(colour * 0.42, 0.7 * SKIN)),
    ]


def _area(x: Floats, upper: Floats, lower: Floats) -> Floats:
    return lift(*between(x, upper, lower), _FRONT)[:, None]


def _lips(traits: Columns, scene: Columns) -> _Lips:
    s = _ALONG
    smile, opening = scene["smile"], scene["mouth_opening"]
    bow = 1.0 - s * s
    soft = np.sqrt(bow)
    x = traits["mouth_width"] * (1.0 + 0.17 * smile - 0.35 * opening) * s
    corners = (0.11 * smile - traits["mouth_curve"]) * s * s
    axis = traits["mouth_height"] - corners + traits["mouth_tilt"] * s + 0.02 * smile
    cupid = 1.0 - traits["cupid_bow"] * np.maximum(1.0 - np.abs(s) / 0.3, 0.0)
    stretch = 1.0 - 0.22 * np.maximum(smile, 0.0)
    inner_top = axis - 0.25 * opening * bow
    inner_bottom = axis + 0.75 * opening * bow
    top = inner_top - stretch * traits["upper_lip"] * cupid * (0.35 * soft + 0.65 * bow)
    bottom = inner_bottom + stretch * traits["lower_lip"] * (0.55 * soft + 0.45 * bow)
    return _Lips(x, top, inner_top, inner_bottom, bottom)
