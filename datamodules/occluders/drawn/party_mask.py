"""Party masks: an eye mask with two holes, trim, and feathers, sequins or jewels."""

from collections.abc import Mapping

import numpy as np

from datamodules.occluders.anchors import EYES_AND_NOSE
from datamodules.occluders.drawn.canvas import Canvas, Points, soften
from datamodules.occluders.drawn.category import Category, FrozenCategory
from datamodules.occluders.drawn.colours import Split, colour, grey, hsv, hue, palette
from datamodules.occluders.drawn.outlines import ellipse, mirrored, spline
from datamodules.occluders.drawn.patterns import draw_pattern, noise
from datamodules.occluders.sprite import Floats, Play

# from the top of the middle line down the right side
_DOMINO = [(0, -22), (26, -35), (62, -38), (94, -30), (98, -8), (84, 22), (56, 34), (30, 28), (14, 16), (0, 12)]
_CAT = [(0, -24), (24, -32), (46, -42), (84, -82), (92, -36), (94, 0), (78, 28), (44, 38), (22, 36), (0, 42)]
_COLOMBINA = [(0, -36), (34, -50), (70, -48), (97, -32), (96, 6), (78, 38), (46, 48), (20, 42), (0, 52)]
_BUTTERFLY = [(0, -12), (18, -34), (50, -66), (94, -72), (106, -42), (88, -10), (94, 22), (68, 48), (32, 36), (0, 22)]
_FLAME = [(0, -62), (13, -36), (31, -68), (43, -40), (66, -72), (71, -40), (100, -60), (93, -18), (101, 8), (76, 26)]
_BIRD = [(0, -28), (35, -36), (78, -48), (114, -62), (99, -16), (80, 16), (50, 30), (28, 34), (15, 62), (0, 80)]

OUTLINES: Mapping[Split, Mapping[str, Points]] = {
    "train": {
        "domino": spline(mirrored(_DOMINO)),
        "cat": spline(mirrored(_CAT)),
        "colombina": spline(mirrored(_COLOMBINA)),
    },
    "held_out": {
        "butterfly": spline(mirrored(_BUTTERFLY)),
        "flame": mirrored([*_FLAME, (50, 38), (22, 30), (0, 20)]),
        "bird": spline(mirrored(_BIRD)),
    },
}
"""Outlines by split, in face units."""


def draw_party_mask(canvas: Canvas, rng: np.random.Generator, split: Split, kind: str) -> None:
    """Draw one mask; the eye holes stay free."""
    outline = OUTLINES[split][kind] * rng.uniform((0.92, 0.88), (1.06, 1.08))
    holes = _holes(rng)
    if rng.random() < 0.45:
        _feathers(canvas, rng, split)
    inside = canvas.polygon(outline)
    canvas.paint(inside, draw_pattern(rng, split, palette(rng, split), canvas.x, canvas.y))
    _relief(canvas, rng, inside)
    if rng.random() < 0.5:
        _sequins(canvas, rng, split, inside)
    if rng.random() < 0.75:
        _trim(canvas, rng, split, [outline, *holes])
    canvas.cut(canvas.polygon(*holes))
    canvas.drop_shadow(strength=rng.uniform(0.2, 0.45))


def _holes(rng: np.random.Generator) -> list[Points]:
    """Return almond-shaped holes, large enough to leave the eyes free however the mask sits."""
    width, height = rng.uniform((20, 12), (25, 16))
    slant = rng.uniform(-0.25, 0.1)
    almond = spline([(-width, 2), (-0.4 * width, -0.9 * height), (0.45 * width, -height), (width, -2), (0, height)])
    right = almond @ np.array([[1, slant], [0, 1]]) + (40, 0)
    return [right * (-1, 1), right]


def _relief(canvas: Canvas, rng: np.random.Generator, inside: Floats) -> None:
    """Let the mask bulge over brows and nose and fall off at its edge."""
    edge = soften(inside, 7)
    bulge = np.exp(-(canvas.x**2) / 300) + 0.6 * np.exp(-((canvas.y + 20) ** 2) / 300)
    side = canvas.x / 100 * np.float32(rng.uniform(-0.2, 0.2))
    canvas.shade((0.5 + 0.5 * edge + 0.15 * bulge + side).astype(np.float32))
    gloss = rng.uniform(0, 0.35) * np.exp(-((canvas.y + 27 - 0.002 * canvas.x**2) ** 2) / 30)
    canvas.shine(np.asarray(gloss, np.float32) * inside)


def _trim(canvas: Canvas, rng: np.random.Generator, split: Split, outlines: list[Points]) -> None:
    """Sew a cord along the edges, twisted or plain."""
    cord = np.max([canvas.line(o, int(rng.integers(4, 7)), closed=True) for o in outlines], axis=0)
    metal = hsv(rng.uniform(20, 32) if split == "train" else rng.uniform(42, 52), 0.6, 0.85)
    twist = 0.8 + 0.25 * np.sin((canvas.x + canvas.y) * rng.uniform(0.8, 1.4))
    canvas.paint(cord, (metal if rng.random() < 0.6 else grey(rng, split)) * twist[..., None])


def _sequins(canvas: Canvas, rng: np.random.Generator, split: Split, inside: Floats) -> None:
    """Scatter sequins (training) or sprinkle glitter and a jewel between the eyes (held out)."""
    if split == "held_out":
        canvas.shine(np.clip(noise(rng, canvas.x.shape, 2) - 1.0, 0, 0.9) * inside)
        gem = colour(rng, split, value=(0.6, 0.85))
        for size, light in ((11.0, 0.5), (8.0, 1.0), (3.5, 1.6)):
            canvas.paint(canvas.polygon(ellipse((0, -20), 0.75 * size, size)) * inside, np.minimum(light * gem, 255))
        return
    tint, radius = hsv(hue(rng, split), 0.3, 1.0), rng.uniform(1.6, 3.0)
    for brightness in (0.55, 0.75, 1.0):
        centres = rng.uniform((-95, -50), (95, 40), (int(rng.integers(12, 40)), 2))
        canvas.paint(canvas.polygon(*(ellipse((x, y), radius, radius) for x, y in centres)) * inside, brightness * tint)


def _feathers(canvas: Canvas, rng: np.random.Generator, split: Split) -> None:
    """Put a fan of feathers on the brow (training) or a plume at one side (held out)."""
    if split == "train":
        angles, root = np.linspace(-0.9, 0.9, int(rng.integers(5, 10))), np.array([0.0, -22.0])
        lengths = rng.uniform(55, 85) * (1 - 0.35 * np.abs(angles))
    else:
        side = rng.choice([-1, 1])
        angles, root = side * np.linspace(-0.2, 1.0, int(rng.integers(4, 8))), np.array([side * 74.0, -24.0])
        lengths = rng.uniform(60, 95, len(angles))
    colours = palette(rng, split, 2)
    for i, (angle, length) in enumerate(zip(angles, lengths, strict=True)):
        _feather(canvas, root, float(angle), float(length), colours[i % 2] * rng.uniform(0.85, 1.1))


def _feather(canvas: Canvas, root: Points, angle: float, length: float, tint: Floats) -> None:
    along = np.array([np.sin(angle), -np.cos(angle)])
    across = np.array([along[1], -along[0]])
    widths = np.array([[0, 1], [0.3, 7], [0.7, 9], [0.92, 6], [1, 0]]) * (length, 1)
    right = [root + a * along + w * across for a, w in widths]
    left = [root + a * along - w * across for a, w in widths[-2::-1]]
    inside = canvas.polygon(spline(np.array(right + left)))
    u = (canvas.x - root[0]) * along[0] + (canvas.y - root[1]) * along[1]
    v = np.abs((canvas.x - root[0]) * across[0] + (canvas.y - root[1]) * across[1])
    barbs = 0.82 + 0.18 * np.sin(1.5 * (u - 1.2 * v))
    canvas.paint(inside, np.minimum(tint, 255) * barbs[..., None].astype(np.float32))
    canvas.paint(canvas.line(np.array([root, root + 0.95 * length * along]), 1), 0.7 * np.minimum(tint, 255))


PARTY_MASK = Category(
    "party_mask",
    OUTLINES,
    draw_party_mask,
    window=(-150, -170, 150, 90),
    play=Play(shift=2.0, degrees=2.5, scale=0.04),
    anchors=EYES_AND_NOSE,
    frozen=FrozenCategory(
        sha256="b9c8992186ca7d6bea851ead05822acfec3ceefc7807efbda8b22327ae8e1c85",
        centre=(0, 0),
        shift=2 << 16,
        turn=1430,
        scale=164,
        severe_scale=(2400, 5700),
        severe_shift=(0, 0),
    ),
)
