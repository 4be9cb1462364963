"""Outline of the head, ears, neck and clothes."""

import numpy as np

from datamodules.sources.synthetic.curves import FacePart, circle, lift, spline, surface
from datamodules.sources.synthetic.palette import CLOTH, SKIN, material, skin_colour
from datamodules.sources.synthetic.sampling import Columns, Floats


def jaw_drop(scene: Columns) -> Floats:
    """How far the open mouth takes the chin down."""
    return 0.45 * scene["mouth_opening"]


def outline(traits: Columns, scene: Columns) -> Floats:
    """Outline of the face from chin over both cheeks to the crown, ``(B, 64, 3)``."""
    drop = jaw_drop(scene)
    chin, jaw = traits["chin_height"] + drop, traits["jaw_height"] + 0.4 * drop
    zero = np.zeros_like(chin)
    skull = -traits["skull_height"]
    right_x = [
        traits["chin_width"],
        0.5 * (traits["chin_width"] + traits["jaw_width"]) + 0.05,
        traits["jaw_width"],
        0.45 * traits["jaw_width"] + 0.55 * traits["cheek_width"],
        traits["cheek_width"],
        traits["temple_width"],
        traits["forehead_width"],
        0.58 * traits["forehead_width"],
    ]
    right_y = [
        chin - 0.05,
        0.55 * chin + 0.45 * jaw,
        jaw,
        0.5 * jaw,
        zero + 0.02,
        zero - 0.5,
        zero - 1.02,
        0.93 * skull,
    ]
    x = np.concatenate([zero, *right_x, zero, *(-v for v in right_x[::-1])], axis=1)
    y = np.concatenate([chin, *right_y, skull, *right_y[::-1]], axis=1)
    smooth = spline(np.stack([x, y], axis=-1), 64, closed=True)
    # The chin stands before the skull's edge.
    return lift(smooth[..., 0], smooth[..., 1], 0.3 * np.maximum(smooth[..., 1] - 0.9, 0.0))


def head_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """Neck, clothes, ears and the bare head, back to front."""
    skin = skin_colour(traits)
    return [
        *_neck(traits, scene, skin),
        *_ears(traits, skin),
        FacePart(outline(traits, scene)[:, None], material(skin, SKIN)),
    ]


def _neck(traits: Columns, scene: Columns, skin: Floats) -> list[FacePart]:
    width = 0.72 * traits["jaw_width"]
    side = np.array([1.0, 0.92, 1.02, 1.5])
    x = np.concatenate([width * side, -(width * side)[:, ::-1]], axis=1)
    y = np.array([0.7, 1.5, 1.9, 2.6])
    neck = _behind(x, np.concatenate([y, y[::-1]]), -0.75)
    drop = traits["chin_height"] - 1.6 + jaw_drop(scene)
    across = np.linspace(-1.0, 1.0, 9)
    shadow_x = np.concatenate([width, -width, 0.95 * width * across], axis=1)
    low = np.concatenate([np.full(2, 0.7), 1.52 + 0.2 * (1.0 - across**2)])
    shadow = _behind(shadow_x, low + drop, -0.74)
    return [
        FacePart(neck, material(skin * 0.84, 0.7 * SKIN)),
        FacePart(shadow, material(skin * 0.68, 0.7 * SKIN)),
        *_clothes(scene, width),
    ]


def _clothes(scene: Columns, width: Floats) -> list[FacePart]:
    collar = 1.72 + 0.25 * scene["collar"]
    neckline = collar + 0.45 * scene["clothes"][:, 3:4]
    half_x = np.concatenate([np.zeros_like(width), 0.7 * width, 1.05 * width, width + 0.35, width + 1.2], axis=1)
    half_y = np.concatenate([neckline, 0.4 * collar + 0.6 * neckline, collar, collar + 0.12, collar + 0.4], axis=1)
    bottom = np.full_like(width, 3.2)
    x = np.concatenate([half_x, 2.6 + 0 * width, -2.6 + 0 * width, -half_x[:, :0:-1]], axis=1)
    y = np.concatenate([half_y, bottom, bottom, half_y[:, :0:-1]], axis=1)
    colour = 20 + 215 * scene["clothes"][:, :3] * (0.4 + 0.6 * scene["clothes"][:, 4:5])
    trim = _behind(x, y - 0.06, -0.71)
    return [FacePart(trim, material(0.7 * colour, CLOTH)), FacePart(_behind(x, y, -0.7), material(colour, CLOTH))]


def _behind(x: Floats, y: Floats, depth: float) -> Floats:
    x, y = np.broadcast_arrays(x, y)
    return np.stack([x, y, np.full_like(x, depth)], axis=-1)[:, None]


def _ears(traits: Columns, skin: Floats) -> list[FacePart]:
    size = traits["ear_size"]
    shell_x = np.array([-0.1, 0.55, 1.0, 0.95, 0.62, 0.35, -0.1])
    shell_y = np.array([-0.85, -1.05, -0.7, -0.1, 0.5, 0.95, 0.8])
    lobe = np.array([0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 0.5]) * traits["ear_lobe"]
    x = traits["cheek_width"] - 0.06 + (traits["ear_spread"] + 0.08) * shell_x
    y = traits["ear_height"] + size * shell_y + lobe
    shell = spline(np.stack([x, y], axis=-1), 20, closed=True)
    centre = traits["cheek_width"] - 0.06 + 0.5 * (traits["ear_spread"] + 0.08)
    cos, sin = circle(10)
    hollow = np.stack(
        [centre + 0.42 * traits["ear_spread"] * cos, traits["ear_height"] - 0.1 * size + 0.55 * size * sin], axis=-1
    )
    return [
        FacePart(_both_sides(shell, -0.72), material(skin * 0.93, SKIN)),
        FacePart(_both_sides(hollow, -0.71), material(skin * 0.72, SKIN)),
    ]


def _both_sides(right: Floats, depth: float) -> Floats:
    right = np.concatenate([right, np.full_like(right[..., :1], depth)], axis=-1)
    return np.stack([right * np.array([-1.0, 1.0, 1.0]), right], axis=1)


def chin_point(traits: Columns, scene: Columns) -> Floats:
    """The lowest point of the chin, ``(B, 1, 3)``."""
    y = traits["chin_height"] + jaw_drop(scene)
    return np.stack([np.zeros_like(y), y, surface(np.zeros_like(y), y) + 0.3 * (y - 0.9)], axis=-1)
