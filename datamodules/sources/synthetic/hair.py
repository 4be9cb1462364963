"""Hair on the head: what hangs behind it, the cap in front and single strands."""

from typing import NamedTuple

import numpy as np

from datamodules.sources.synthetic.curves import FacePart, ribbon, spline, surface
from datamodules.sources.synthetic.palette import HAIR, SKIN, hair_colour, material, mix, skin_colour
from datamodules.sources.synthetic.sampling import Columns, Floats
from datamodules.sources.synthetic.scene import STRANDS

_POINTS = 41
_MIRROR = np.array([-1.0, 1.0])


class Haircut(NamedTuple):
    """How the hair is worn in a photo; ``(B, 1)`` each."""

    length: Floats
    """From 0, cropped, to 1, over the shoulders."""
    fringe: Floats
    """How far hair hangs into the forehead, in face units."""
    volume: Floats
    sweep: Floats


def haircut(traits: Columns, scene: Columns) -> Haircut:
    """Choose how the hair is worn: the identity's usual way, another one, or tied back."""
    usual, tied = scene["arrangement"] < 0.5, scene["arrangement"] > 0.85
    length = np.where(usual, traits["hair_length"], np.round(scene["other_length"] * 4) / 4)
    fringe = np.where(usual, traits["hair_fringe"], scene["other_fringe"])
    length = np.where(tied, 0.26, length)
    cropped = length < 0.13
    fringe = np.where(tied | cropped, 0.0, np.maximum(fringe - 0.45, 0.0))
    volume = np.maximum(traits["hair_volume"] + scene["hair_volume_change"], 0.05)
    volume = np.where(cropped, 0.03, np.where(tied, 0.5 * volume, volume))
    return Haircut(length, fringe, volume, traits["hair_sweep"] + scene["hair_sweep_change"])


def back_hair_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """Hair behind neck and ears, where it is long."""
    cut = haircut(traits, scene)
    edge = _outer_edge(traits, scene, cut, end=0.5 + 2.1 * np.maximum(cut.length - 0.4, 0.0), flare=0.12)
    # The ends bend inwards to a rounded bottom.
    fall = np.array([0.05, 0.09, 0.09, 0.05])
    bottom_x = edge[:, -1:, 0] * np.array([0.88, 0.55, -0.55, -0.88])
    bottom = np.stack([bottom_x, edge[:, -1:, 1] + fall], axis=-1)
    points = _deepen(np.concatenate([edge, bottom], axis=1), -0.95)[:, None]
    return [FacePart(points, material(0.62 * hair_colour(traits), 0.8 * HAIR), cut.length[:, 0] > 0.4)]


def front_hair_parts(traits: Columns, scene: Columns) -> list[FacePart]:
    """The cap of hair with its shadow on the forehead, and strands."""
    cut = haircut(traits, scene)
    skin, hair = skin_colour(traits), hair_colour(traits)
    cropped = cut.length < 0.13
    colour = np.where(cropped, mix(skin * 0.8, hair, 0.62), hair)
    end = np.where(cropped, -0.25, np.where(cut.length < 0.4, 0.05, 0.3 + 1.9 * (cut.length - 0.4)))
    outer = _outer_edge(traits, scene, cut, end=end, flare=0.06)
    inner = _inner_edge(traits, scene, cut, end=end)
    on_face = np.clip(0.5 - 2.0 * inner[..., 1:], 0.0, 1.0)  # locks beside the neck throw none
    shadow = inner + np.array([0.0, 0.07]) * on_face * np.where(cropped, 0.3, 1.0)[..., None]
    grown = ~cropped[:, 0]
    light, dark = _strands(scene, outer, inner)
    return [
        FacePart(_cap(outer, shadow), material(skin * 0.72, SKIN)),
        FacePart(_cap(outer, inner), material(colour, HAIR)),
        FacePart(dark, material(hair * 0.70, HAIR), grown),
        FacePart(light, material(mix(hair, np.full_like(hair, 255.0), 0.11) * 1.06, HAIR), grown),
    ]


def _outer_edge(traits: Columns, scene: Columns, cut: Haircut, *, end: Floats, flare: float) -> Floats:
    """Silhouette from the left end over the crown to the right end, ``(B, 41, 2)``."""
    skull, volume = traits["skull_height"], cut.volume
    side = np.concatenate(
        [
            traits["cheek_width"] + 0.45 * volume + flare * np.maximum(end, 0.0) - 0.07,
            traits["cheek_width"] + 0.65 * volume + 0.3 * flare,
            traits["temple_width"] + 0.03 + 0.75 * volume,
            traits["forehead_width"] + 0.06 + 0.75 * volume,
            0.6 * traits["forehead_width"] + 0.35 * volume,
        ],
        axis=1,
    )
    middle = np.minimum(0.5 * end, 0.15)
    height = np.concatenate(
        [end, middle - 0.15, middle - 0.6, -1.02 - 0.4 * volume, -0.94 * skull - 0.92 * volume], axis=1
    )
    right = np.stack([side, height], axis=-1)  # (B, 5, 2), from the end to the crown
    crown = np.stack([cut.sweep * 0.3, -skull - volume], axis=-1)
    edge = spline(np.concatenate([right * _MIRROR, crown, right[:, ::-1]], axis=1), _POINTS, closed=False)
    curl = 0.07 * np.maximum(traits["hair_curl"] - 0.55, 0.0) / 0.45 * np.where(cut.length < 0.13, 0.0, 1.0)
    wave = np.sin(np.arange(_POINTS) * 1.25) + 0.8 * (scene["jags"] - 0.5)
    away = 1.0 + (curl * wave)[..., None]
    return edge * np.where(edge[..., 1:] > 0.3, np.stack([away[..., 0], np.ones_like(away[..., 0])], -1), away)


def _inner_edge(traits: Columns, scene: Columns, cut: Haircut, *, end: Floats) -> Floats:
    """Hairline from the left end over the forehead to the right end, ``(B, 41, 2)``."""
    line = -traits["hairline"]
    recess = np.maximum(traits["hairline_recess"], -0.05)
    temple = traits["temple_width"]
    side = np.concatenate([temple + 0.07, 0.94 * temple, 0.87 * temple, 0.74 * temple, 0.42 * temple], axis=1)
    middle = np.minimum(0.5 * end, 0.1)
    height = np.concatenate([end, middle - 0.2, -0.42 + 0 * line, 0.75 * line - 0.35 * recess, line - recess], axis=1)
    right = np.stack([side, height], axis=-1)
    peak = np.stack([0.4 * traits["hair_part"], line + traits["widows_peak"]], axis=-1)
    edge = spline(np.concatenate([right * _MIRROR, peak, right[:, ::-1]], axis=1), _POINTS, closed=False)
    across = np.maximum(1.0 - (edge[..., 0] / 0.75) ** 2, 0.0)
    swept = cut.fringe * (1.0 + 2.2 * cut.sweep * edge[..., 0])
    jag = 0.03 + 0.16 * cut.fringe
    hang = across * (swept + jag * (scene["jags"] - 0.5)) * (edge[..., 1] < -0.3)
    return np.stack([edge[..., 0], edge[..., 1] + hang], axis=-1)


def _cap(outer: Floats, inner: Floats) -> Floats:
    return np.concatenate([_deepen(outer, -0.8), _rest(inner)[:, ::-1]], axis=1)[:, None]


def _deepen(edge: Floats, depth: float) -> Floats:
    return np.concatenate([edge, np.full_like(edge[..., :1], depth)], axis=-1)


def _rest(edge: Floats) -> Floats:
    depth = surface(edge[..., 0], edge[..., 1]) + 0.06
    return np.concatenate([edge, depth[..., None]], axis=-1)


def _strands(scene: Columns, outer: Floats, inner: Floats) -> tuple[Floats, Floats]:
    """Thin strands along the cap, lit and shaded: two times ``(B, 11, 18, 3)``."""
    place = scene["strands"].reshape(-1, STRANDS, 4)
    share = (np.arange(STRANDS) + place[..., 0]) / STRANDS
    share = 0.04 + 0.9 * share  # from the hairline to the silhouette
    start = (place[..., 1] * (_POINTS - 14)).astype(int)  # (B, STRANDS)
    index = start[..., None] + np.arange(0, 14, 2)[:7]  # (B, STRANDS, 7)
    row = np.arange(len(outer))[:, None, None]
    low, high = _rest(inner)[row, index], _deepen(outer, -0.8)[row, index]
    drift = np.linspace(-0.08, 0.08, 7) * (place[..., 2:3] * 2 - 1)
    blend = np.clip(share[..., None] + drift, 0.02, 0.97)[..., None]
    path = low + (high - low) * blend
    width = (0.006 + 0.010 * place[..., 3:4]) * np.array([0.1, 0.6, 0.9, 1.0, 0.9, 0.6, 0.1])
    x, y = ribbon(path[..., 0], path[..., 1], width)
    z = np.concatenate([path[..., 2], path[..., ::-1, 2]], axis=-1)
    strands = np.stack([x, y, z], axis=-1)
    return strands[:, ::2], strands[:, 1::2]
