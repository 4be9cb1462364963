"""Nostrils, wings and the shadow below; the rest of the nose is relief and light."""

import numpy as np

from datamodules.sources.synthetic.curves import FacePart, between, circle, lift, ribbon
from datamodules.sources.synthetic.palette import SKIN, material, skin_colour
from datamodules.sources.synthetic.sampling import Columns, Floats

_SIDES = np.array([-1.0, 1.0])[:, None]


def nose_tip(traits: Columns) -> Floats:
    """The tip of the nose, ``(B, 1, 3)``."""
    y = traits["nose_length"]
    return lift(traits["nose_bend"], y, traits["nose_height"])


def nose_parts(traits: Columns) -> list[FacePart]:
    """What is drawn of the nose, back to front."""
    skin = skin_colour(traits)
    base = traits["nose_length"] + 0.09 + traits["nose_tip"]
    return [
        FacePart(_shadow(traits, base), material(skin * 0.80, SKIN)),
        FacePart(_wings(traits, base), material(skin * 0.66, SKIN)),
        FacePart(_nostrils(traits, base), material(skin * 0.30 + 4.0, 0.5 * SKIN)),
    ]


def _shadow(traits: Columns, base: Floats) -> Floats:
    s = np.linspace(-1.0, 1.0, 9)
    x = traits["nose_bend"] + 0.82 * traits["nose_width"] * s
    bow = 1.0 - s * s
    return lift(*between(x, base - 0.03 * bow, base + 0.035 + 0.045 * bow), 0.12)[:, None]


def _wings(traits: Columns, base: Floats) -> Floats:
    angle = np.linspace(-1.15, 1.25, 8)
    width = traits["nose_width"][:, None]
    x = traits["nose_bend"][:, None] + _SIDES * width * (0.66 + 0.36 * np.cos(angle))
    y = base[:, None] - 0.045 + 0.115 * np.sin(angle)
    thickness = np.broadcast_to(0.017 * np.sin(np.linspace(0.25, 2.9, 8)), x.shape)
    return lift(*ribbon(x, y, thickness), 0.12)


def _nostrils(traits: Columns, base: Floats) -> Floats:
    cos, sin = circle(10)
    width = traits["nose_width"][:, None]
    x = traits["nose_bend"][:, None] + _SIDES * width * (0.46 + 0.22 * cos)
    y = base[:, None] + 0.012 + (0.034 - 0.35 * traits["nose_tip"][:, None]) * sin - 0.012 * cos
    return lift(x, y, 0.16)
