"""Colours of skin, hair, lips and eyes, ``(B, 3)`` from 0 to 255, and the materials' answer to light."""

import numpy as np

from datamodules.sources.synthetic.sampling import Columns, Floats

# How much of the light's modelling a material takes, from 0 (none: background) to 255 (all).
SKIN = 255.0
HAIR = 205.0
EYE = 200.0
CLOTH = 120.0

_SKIN = np.array(
    [(250, 217, 194), (240, 197, 166), (222, 172, 136), (193, 138, 99), (148, 98, 68), (104, 67, 48)], dtype=float
)
_HAIR = np.array(
    [(28, 23, 22), (48, 34, 27), (78, 52, 36), (112, 76, 48), (158, 112, 66), (205, 166, 104), (142, 66, 34),
     (122, 118, 114), (192, 188, 182)], dtype=float,
)  # fmt: skip
_GREY = 7  # from this family on hair is grey
_IRIS = np.array(
    [(46, 30, 22), (72, 46, 28), (104, 74, 42), (92, 104, 62), (84, 112, 128), (70, 104, 152)], dtype=float
)


def ramp(colours: Floats, place: Floats) -> Floats:
    """Interpolate ``(n, 3)`` colours at ``place`` in ``[0, 1]``, ``(B, 1)``: ``(B, 3)``."""
    position = np.clip(place[:, 0], 0.0, 1.0) * (len(colours) - 1)
    left = np.minimum(position.astype(int), len(colours) - 2)
    part = (position - left)[:, None]
    return np.asarray(colours[left] * (1 - part) + colours[left + 1] * part)


def mix(first: Floats, second: Floats, share: Floats | float) -> Floats:
    """Blend ``(B, 3)`` colours; ``share`` is the second one's, ``(B, 1)`` or a number."""
    return first + (second - first) * share


def material(colour: Floats, response: float) -> Floats:
    """Add a material's answer to light to ``(B, 3)`` colours: ``(B, 4)``."""
    return np.concatenate([colour, np.full((len(colour), 1), response)], axis=1)


def skin_colour(traits: Columns) -> Floats:
    """Colour of the skin in neutral light."""
    colour = ramp(_SKIN, traits["skin_tone"])
    return np.asarray(colour * (1.0 + traits["undertone"] * np.array([0.02, -0.012, -0.05])))


def hair_colour(traits: Columns) -> Floats:
    """Colour of hair, brows and beard: one of nine families with a little mixing."""
    family = traits["hair_colour"] ** 1.25 * len(_HAIR)
    index = np.minimum(family[:, 0].astype(int), len(_HAIR) - 1)
    # Fair and red hair goes with fair skin: the darker half takes the dark families instead, and keeps the greys.
    index = np.where((traits["skin_tone"][:, 0] > 0.55) & (index < _GREY), index % 3, index)
    return np.asarray(_HAIR[index] * (0.85 + 0.3 * (family - np.floor(family))))


def iris_colour(traits: Columns) -> Floats:
    """Colour of the iris."""
    return ramp(_IRIS, traits["iris_colour"] * (1.0 - 0.7 * traits["skin_tone"] ** 2))


def lip_colour(traits: Columns) -> Floats:
    """Colour of the lips: skin, shifted to red."""
    skin = skin_colour(traits)
    red = skin * np.array([0.86, 0.50, 0.50]) + np.array([10.0, 0.0, 6.0])
    return mix(skin * 0.86, red, traits["lip_redness"])
