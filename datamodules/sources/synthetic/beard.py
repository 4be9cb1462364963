"""Beards and moustaches: a body of even colour and single hairs on it."""

import numpy as np

from datamodules.sources.synthetic.curves import FacePart, lift
from datamodules.sources.synthetic.head_and_neck import jaw_drop, outline
from datamodules.sources.synthetic.identity import BRISTLES
from datamodules.sources.synthetic.palette import HAIR, hair_colour, material, mix, skin_colour
from datamodules.sources.synthetic.sampling import Columns, Floats

_FULL, _GOATEE, _MOUSTACHE = 0.86, 0.74, 0.80  # above the first a full beard, between the first two a goatee


def beard_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """A full beard or a goatee, and a moustache, for those who wear them; below the mouth in drawing order."""
    hair, skin = 0.85 * hair_colour(traits), skin_colour(traits)
    beard = traits["beard"][:, 0]
    full, goatee = beard > _FULL, (beard > _GOATEE) & (beard <= _FULL)
    moustache = traits["moustache"][:, 0] + 0.3 * (beard > _GOATEE) > _MOUSTACHE
    body = mix(skin * 0.85, hair, 0.42 + 0.4 * np.clip(scene["beard_length"] - 0.5, 0.0, 1.0))
    parts = []
    for edges, worn in (
        (_full(traits, scene), full),
        (_goatee(traits, scene), goatee),
        (_moustache(traits, scene), moustache),
    ):
        dark, light = _bristles(traits, *edges)
        parts += [
            FacePart(np.concatenate([edges[0], edges[1][:, ::-1]], axis=1)[:, None], material(body, HAIR), worn),
            FacePart(dark, material(mix(body, hair * 0.7, 0.75), HAIR), worn),
            FacePart(light, material(mix(body, hair * 1.25, 0.7), HAIR), worn),
        ]
    return parts


def _full(traits: Columns, scene: Columns) -> tuple[Floats, Floats]:
    """Inner edge across the face and outer edge around the jaw, from the left to the right ear."""
    face = outline(traits, scene)  # starts at the chin and runs to the right
    jaw = np.concatenate([face[:, -17:], face[:, :18]], axis=1)
    low = np.clip((jaw[..., 1:2] - 0.3) / 1.2, 0.0, 1.0)
    outer = jaw * (1.0 + 0.05 * low * scene["beard_length"][:, None] * np.array([0.7, 1.0, 0.0]))
    place = np.linspace(-1.0, 1.0, 35)
    side = np.abs(place)
    top = traits["mouth_height"] + traits["lower_lip"] * 0.5 + jaw_drop(scene)
    cheek = traits["mouth_height"] - 0.1 - 0.2 * traits["moustache"]
    y = top + (cheek - top) * np.minimum(side / 0.55, 1.0) ** 2
    y = y + (0.25 - y) * np.maximum((side - 0.55) / 0.45, 0.0) ** 1.5
    return lift(0.97 * traits["jaw_width"] * place, y, 0.05), outer


def _goatee(traits: Columns, scene: Columns) -> tuple[Floats, Floats]:
    s = np.linspace(-1.0, 1.0, 15)
    bow = np.sqrt(1.0 - s * s)
    width = traits["chin_width"] * 0.75 + 0.05
    low = traits["chin_height"] + jaw_drop(scene) + 0.05 * scene["beard_length"]
    top = traits["mouth_height"] + traits["lower_lip"] + 0.9 * scene["mouth_opening"] + 0.07
    middle = 0.6 * low + 0.4 * top
    tuft = np.maximum(1.0 - np.abs(s) / 0.45, 0.0)
    upper, lower = middle - (middle - top) * (0.45 * bow + 0.55 * tuft), middle + (low - middle) * bow
    return _on_chin(width * s, upper), _on_chin(width * s, lower)


def _on_chin(x: Floats, y: Floats) -> Floats:
    return lift(x, y, 0.3 * np.maximum(y - 0.9, 0.0))


def _moustache(traits: Columns, scene: Columns) -> tuple[Floats, Floats]:
    s = np.linspace(-1.0, 1.0, 15)
    width = traits["mouth_width"] * (0.98 + 0.15 * scene["smile"]) + 0.05
    droop = (0.10 - 0.09 * scene["smile"]) * s * s
    low = traits["mouth_height"] - 0.045 + droop
    groove = 1.0 - 0.28 * np.maximum(1.0 - np.abs(s) / 0.2, 0.0)
    thick = 0.13 * np.sqrt(1.0 - s * s) * groove * scene["beard_length"]
    return lift(width * s, low - thick, 0.12), lift(width * s, low, 0.12)


def _bristles(traits: Columns, upper: Floats, lower: Floats) -> tuple[Floats, Floats]:
    """Short hairs from the upper edge's side to the lower's: two times ``(B, 20, 3, 3)``."""
    place = traits["bristles"].reshape(-1, BRISTLES, 3)
    row = np.arange(len(upper))[:, None]
    last = upper.shape[1] - 1
    index = np.minimum((place[..., 0] * last).astype(int), last)
    top, bottom = upper[row, index], lower[row, index]  # (B, BRISTLES, 3)
    start = 0.02 + 0.75 * place[..., 1:2]
    root = top + (bottom - top) * start
    tip = top + (bottom - top) * (start + 0.22) + np.array([0.03, 0.03, 0.0]) * (place[..., 2:3] - 0.4)
    hairs = np.stack([root, root + np.array([0.022, 0.0, 0.0]), tip], axis=2)
    return hairs[:, ::2], hairs[:, 1::2]
