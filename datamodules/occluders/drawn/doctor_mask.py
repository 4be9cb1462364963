"""Doctor masks: pleated, moulded and folded ones with ear loops."""

from collections.abc import Mapping

import numpy as np

from datamodules.occluders.drawn.canvas import Canvas, Points, soften
from datamodules.occluders.drawn.category import Category, FrozenCategory
from datamodules.occluders.drawn.colours import Split, hsv, palette
from datamodules.occluders.drawn.outlines import ellipse, mirrored, spline
from datamodules.occluders.drawn.patterns import draw_pattern, noise
from datamodules.occluders.sprite import Floats, Play

# from the nose down the right side to the chin
_SURGICAL = [(0, 20), (14, 24), (40, 36), (70, 42), (72, 72), (66, 106), (48, 138), (22, 154), (0, 157)]
_LARGE = [(0, 8), (14, 14), (42, 30), (78, 36), (79, 74), (68, 116), (44, 148), (18, 162), (0, 164)]
_CLOTH = [(0, 14), (16, 24), (44, 38), (74, 48), (68, 86), (54, 122), (30, 150), (12, 162), (0, 164)]
_FOLDED = [(0, 2), (10, 10), (38, 36), (74, 52), (82, 64), (70, 106), (40, 146), (10, 170), (0, 172)]
_CONE = [(0, 10), (22, 13), (46, 32), (62, 62), (64, 96), (54, 128), (28, 150), (0, 156)]
_DUCKBILL = [(0, 18), (28, 24), (64, 40), (88, 62), (82, 84), (72, 108), (46, 136), (0, 146)]

OUTLINES: Mapping[Split, Mapping[str, Points]] = {
    "train": {"surgical": np.array(_SURGICAL), "large": np.array(_LARGE), "cloth": np.array(_CLOTH)},
    "held_out": {"folded": np.array(_FOLDED), "cone": np.array(_CONE), "duckbill": np.array(_DUCKBILL)},
}
"""Right halves of the outlines by split, in face units."""

# (hue in degrees, least and greatest saturation, least and greatest brightness)
COLOURS: Mapping[Split, tuple[tuple[float, float, float, float, float], ...]] = {
    "train": ((203, 0.2, 0.5, 0.75, 0.95), (200, 0.0, 0.04, 0.9, 1.0), (215, 0.0, 0.3, 0.07, 0.16)),
    "held_out": ((330, 0.15, 0.4, 0.8, 0.95), (50, 0.08, 0.25, 0.7, 0.9), (165, 0.2, 0.45, 0.55, 0.8)),
}
"""Plain colours by split: blue, white and black against pink, cream and mint."""


def draw_doctor_mask(canvas: Canvas, rng: np.random.Generator, split: Split, kind: str) -> None:
    """Draw one mask over nose, mouth and chin, with its ear loops."""
    outline = spline(mirrored(OUTLINES[split][kind] * rng.uniform((0.94, 0.97), (1.05, 1.03))))
    cloth = _cloth(canvas, rng, split, kind)
    inside = canvas.polygon(outline)
    _loops(canvas, rng, outline, split)
    canvas.paint(inside, cloth)
    _bulge(canvas, rng, inside)
    _RELIEF[kind](canvas, rng, inside)
    _hems(canvas, rng, outline, inside)
    canvas.drop_shadow(strength=rng.uniform(0.2, 0.45))


def _cloth(canvas: Canvas, rng: np.random.Generator, split: Split, kind: str) -> Floats:
    """Return plain fleece, or a printed pattern for three in ten (most cloth masks)."""
    if rng.random() < (0.8 if kind in ("cloth", "duckbill") else 0.15):
        return draw_pattern(rng, split, palette(rng, split), canvas.x, canvas.y)
    degrees, pale, strong, dark, bright = COLOURS[split][rng.integers(len(COLOURS[split]))]
    tint = hsv(degrees + rng.uniform(-8, 8), rng.uniform(pale, strong), rng.uniform(dark, bright))
    return tint * (1 + 0.015 * noise(rng, canvas.x.shape, 2))[..., None]


def _loops(canvas: Canvas, rng: np.random.Generator, outline: Points, split: Split) -> None:
    """Draw the elastic from the mask's upper and lower corners to the ears."""
    right = outline[outline[:, 0] > 40]
    upper, lower = right[np.argmax(right[:, 0] - right[:, 1])], right[np.argmax(right[:, 0] + 0.9 * right[:, 1])]
    ear = rng.uniform(92, 104)
    tint = hsv(210, 0.03, 0.92) if split == "train" else hsv(45, 0.15, 0.75)
    width = int(rng.integers(3, 5))
    for side in (-1, 1):
        top = spline([upper - (4, 0), (0.5 * (upper[0] + ear), upper[1] - 12), (ear, -6)], closed=False)
        bottom = spline([lower - (4, 0), (0.5 * (lower[0] + ear) + 4, lower[1] - 30), (ear, 14)], closed=False)
        for path in (top, bottom):
            canvas.paint(canvas.line(path * (side, 1), width), tint * rng.uniform(0.9, 1.0))


def _bulge(canvas: Canvas, rng: np.random.Generator, inside: Floats) -> None:
    """Round the mask over nose and cheeks, darker below the chin and at its sides."""
    x = canvas.x / 80
    round_ = 1 - 0.28 * x**2 + rng.uniform(-0.15, 0.15) * x
    chin = 1 - 0.3 * np.clip((canvas.y - 105) / 60, 0, 1) ** 1.5
    nose = 0.09 * np.exp(-(canvas.x**2) / 160 - (canvas.y - 45) ** 2 / 900)
    edge = 0.75 + 0.25 * np.clip(2 * soften(inside, 4) - 1, 0, 1)
    canvas.shade((round_ * chin * edge + nose).astype(np.float32), inside)


def _pleats(canvas: Canvas, rng: np.random.Generator, inside: Floats) -> None:
    """Press three or four pleats across."""
    count = int(rng.integers(3, 5))
    depth = rng.uniform(0.1, 0.3)
    for y in np.linspace(62, 124, count) + rng.normal(0, 2, count):
        u = canvas.y - y + 0.0014 * (y - 84) * canvas.x**2 / 10 - 3
        crease = np.exp(-((u / 1.6) ** 2)) + 0.45 * np.exp(-np.maximum(u, 0) / 7) * (u > 0)
        canvas.shade((1 - depth * crease + 0.25 * depth * np.exp(-(((u + 4) / 2) ** 2))).astype(np.float32), inside)


def _seam(canvas: Canvas, rng: np.random.Generator, inside: Floats) -> None:
    """Join two halves along the middle, which stands out like a keel."""
    keel = np.exp(-((canvas.x / 1.3) ** 2))
    lit = rng.choice([-1, 1]) * np.tanh(canvas.x / 10) * np.exp(-np.abs(canvas.x) / 45)
    canvas.shade((1 - 0.22 * keel + 0.13 * lit).astype(np.float32), inside)


def _valve(canvas: Canvas, rng: np.random.Generator, inside: Floats) -> None:
    """Mould ridges round the cone, with an exhalation valve or without."""
    radius = np.hypot(canvas.x, 0.9 * (canvas.y - 82))
    canvas.shade((1 - 0.12 * np.exp(-(((radius - 44) / 2) ** 2))).astype(np.float32), inside)
    canvas.shade((1.12 - 0.0035 * radius).astype(np.float32), inside)
    if rng.random() < 0.6:
        centre = (float(rng.choice([-20, 0, 20])), 96.0)
        tint = hsv(rng.choice([45, 160, 330]), rng.uniform(0.05, 0.4), rng.uniform(0.45, 0.75))
        for size, shade in ((15.0, 0.75), (13.0, 1.0), (7.0, 0.88)):
            canvas.paint(canvas.polygon(ellipse(centre, size, 0.9 * size, 3)), tint * shade)


def _bill(canvas: Canvas, rng: np.random.Generator, inside: Floats) -> None:
    """Fold the mask once across, so that the lower half lies in shade."""
    u = canvas.y - rng.uniform(86, 94) + 0.002 * canvas.x**2
    canvas.shade((1.05 - 0.15 * (1 + np.tanh(u / 2.4)) + 0.002 * np.clip(u, 0, 60)).astype(np.float32), inside)


_RELIEF = {
    "surgical": _pleats,
    "large": _pleats,
    "cloth": _seam,
    "folded": _seam,
    "cone": _valve,
    "duckbill": _bill,
}


def _hems(canvas: Canvas, rng: np.random.Generator, outline: Points, inside: Floats) -> None:
    """Stitch the edge and let the nose wire show."""
    hem = canvas.line(outline * (0.95, 0.95) + (0, 4.3), 1, closed=True) * inside
    canvas.shade(1 - np.float32(rng.uniform(0.1, 0.25)) * hem)
    canvas.shine(canvas.line(outline, 3, closed=True) * inside * np.float32(rng.uniform(0, 0.3)))


DOCTOR_MASK = Category(
    "doctor_mask",
    OUTLINES,
    draw_doctor_mask,
    window=(-112, -20, 112, 190),
    play=Play(shift=2.5, degrees=2.0, scale=0.04),
    fit="affine",
    frozen=FrozenCategory(
        sha256="ff7a0edcc403f237cb979bdcd0391c03ac3f92e224083b16546458414361803f",
        centre=(0, 85),
        shift=5 << 15,
        turn=1144,
        scale=164,
        severe_scale=(3000, 4700),
        severe_shift=(-5 << 16, 75 << 16),
    ),
)
