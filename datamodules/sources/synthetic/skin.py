"""Folds, bags, wrinkles, freckles and moles."""

import numpy as np

from datamodules.sources.synthetic.curves import FacePart, circle, lift, ribbon
from datamodules.sources.synthetic.identity import FRECKLES, MOLES
from datamodules.sources.synthetic.palette import SKIN, material, mix, skin_colour
from datamodules.sources.synthetic.sampling import Columns, Floats

_SIDES = np.array([-1.0, 1.0])[:, None]


def skin_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """Marks on the skin below eyes, brows and mouth."""
    skin = skin_colour(traits)
    fold = np.clip(0.04 + 0.20 * traits["fold_depth"] + 0.08 * scene["smile"], 0.02, 0.32)
    wrinkle = np.clip(0.18 * traits["wrinkle_depth"] + 1.0 * scene["brow_raise"], 0.0, 0.3)
    return [
        FacePart(_folds(traits, scene), material(skin * (1.0 - fold), SKIN)),
        FacePart(_bags(traits), material(skin * (1.0 - 0.16 * traits["bag_depth"]), SKIN)),
        FacePart(_wrinkles(scene), material(skin * (1.0 - wrinkle), SKIN), wrinkle[:, 0] > 0.03),
        FacePart(_dimple(traits), material(skin * 0.8, SKIN), traits["dimple"][:, 0] > 0.55),
        FacePart(
            _freckles(traits), material(skin * np.array([0.84, 0.74, 0.66]), SKIN), traits["freckle_density"][:, 0] > 0
        ),
        FacePart(_moles(traits), material(mix(skin * 0.42, skin * 0.3, traits["skin_tone"]), SKIN)),
    ]


def _folds(traits: Columns, scene: Columns) -> Floats:
    """From the wings of the nose past the corners of the mouth."""
    t = np.linspace(0.0, 1.0, 8)
    start, end = traits["nose_width"][:, None] + 0.03, traits["mouth_width"][:, None] + 0.13
    smile = scene["smile"][:, None]
    x = _SIDES * (start + (end - start) * t + (0.08 + 0.07 * smile) * np.sin(np.pi * t))
    top = traits["nose_length"][:, None] + 0.04
    y = top + (traits["mouth_height"][:, None] + 0.06 - 0.1 * smile - top) * t
    width = np.broadcast_to(0.02 * np.sin(np.pi * (0.1 + 0.85 * t)), x.shape)
    return lift(*ribbon(x, y, width), 0.05)


def _bags(traits: Columns) -> Floats:
    s = np.linspace(-1.0, 1.0, 8)
    bow = 1.0 - s * s
    width = traits["eye_width"][:, None]
    x = _SIDES * (traits["eye_distance"][:, None] - 0.02 + 0.95 * width * s)
    y = 0.10 + (0.05 + 0.5 * traits["eye_opening"][:, None]) * bow - traits["eye_tilt"][:, None] * width * s * 0.5
    return lift(*ribbon(x, y, np.broadcast_to(0.004 + 0.016 * bow, x.shape)), 0.02)


def _wrinkles(scene: Columns) -> Floats:
    s = np.linspace(-1.0, 1.0, 9)
    height = np.array([-0.56, -0.68, -0.80])[:, None]
    x = np.broadcast_to(np.array([0.46, 0.5, 0.42])[:, None] * s, (len(scene["yaw"]), 3, 9))
    y = height - 0.4 * scene["brow_raise"][:, None] + 0.03 * s * s + 0.012 * np.sin(7.0 * s + 20.0 * height)
    return lift(*ribbon(x, y, np.broadcast_to(0.014 * (1.0 - s * s), x.shape)), 0.03)


def _dimple(traits: Columns) -> Floats:
    t = np.linspace(0.0, 1.0, 4)
    y = traits["chin_height"] - 0.22 + 0.13 * t
    return lift(*ribbon(0.0 * y, y, 0.0 * y + 0.016), 0.2)[:, None]


def _freckles(traits: Columns) -> Floats:
    place = traits["freckles"].reshape(-1, FRECKLES, 3)
    across, down, size = place[..., 0:1], place[..., 1:2], place[..., 2:3]
    cos, sin = circle(5)
    radius = (0.010 + 0.011 * size) * np.clip(0.6 + 0.6 * traits["freckle_density"][:, None], 0.0, 1.2)
    return lift(1.5 * (across - 0.5) + radius * cos, 0.14 + 0.48 * down + radius * sin, 0.05)


def _moles(traits: Columns) -> Floats:
    place = traits["moles"].reshape(-1, MOLES, 3)
    across, down, size = place[..., 0:1], place[..., 1:2], place[..., 2:3]
    cos, sin = circle(8)
    # A mole beyond the identity's number shrinks to nothing.
    present = np.clip(traits["mole_count"][:, None] - np.arange(MOLES)[:, None] + 0.5, 0.0, 1.0) ** 0.5
    radius = (0.022 + 0.026 * size) * present
    return lift(1.5 * (across - 0.5) + radius * cos, -0.6 + 1.9 * down + radius * sin, 0.05)
