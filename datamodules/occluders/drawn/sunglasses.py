"""Sunglasses: two tinted lenses or one shield, a frame, reflections and temples."""

from collections.abc import Mapping

import numpy as np

from datamodules.occluders.anchors import EYES_AND_NOSE
from datamodules.occluders.drawn.canvas import Canvas, Points, soften
from datamodules.occluders.drawn.category import Category, FrozenCategory
from datamodules.occluders.drawn.colours import Split, colour, grey
from datamodules.occluders.drawn.outlines import ellipse, mirrored, spline
from datamodules.occluders.sprite import Floats, Play

# the right lens, x outwards and y down, in halves of its width and height
_AVIATOR = [(-0.8, -0.8), (0, -0.95), (0.7, -0.85), (1, -0.45), (0.95, 0.2), (0.6, 0.8), (0, 1), (-0.6, 0.75), (-1, 0)]
_WAYFARER = [(-0.9, -0.8), (0, -0.92), (0.9, -1), (1.08, -0.8), (0.95, 0.2), (0.6, 0.9), (-0.4, 0.95), (-0.9, 0.5)]
_CAT_EYE = [(-0.95, -0.4), (-0.2, -0.7), (0.6, -0.95), (1.3, -1.25), (1.1, -0.2), (0.7, 0.65), (0, 0.9), (-0.7, 0.6)]
_HEXAGON = [(-1, 0), (-0.55, -0.9), (0.55, -0.9), (1, 0), (0.55, 0.9), (-0.55, 0.9)]
_SHIELD = [(0, -22), (40, -27), (82, -24), (88, -6), (76, 22), (48, 31), (24, 26), (10, 10), (0, 7)]

LENSES: Mapping[Split, Mapping[str, Points]] = {
    "train": {"aviator": spline(_AVIATOR), "wayfarer": spline(_WAYFARER), "round": ellipse((0, 0), 0.92, 1.02)},
    "held_out": {"cat_eye": spline(_CAT_EYE), "hexagon": np.array(_HEXAGON), "shield": spline(mirrored(_SHIELD))},
}
"""Outlines by split; ``shield`` is one lens over both eyes, in face units."""


def draw_sunglasses(canvas: Canvas, rng: np.random.Generator, split: Split, kind: str) -> None:
    """Draw one pair; lenses let up to 40 % of the face through and count as occluder all the same."""
    lenses = _place(rng, kind, LENSES[split][kind])
    frame = grey(rng, split) if rng.random() < 0.6 else colour(rng, split, value=(0.25, 0.8))
    thick = int(rng.choice([2, 3])) if kind in ("aviator", "hexagon") else int(rng.integers(3, 7))
    _temples(canvas, rng, lenses, frame, thick)
    inside = canvas.polygon(*lenses)
    _tint(canvas, rng, split, inside)
    canvas.shine(_reflection(canvas, rng) * inside)
    _frame(canvas, rng, lenses, frame, thick)
    canvas.drop_shadow(strength=rng.uniform(0.2, 0.45))


def _place(rng: np.random.Generator, kind: str, lens: Points) -> list[Points]:
    if kind == "shield":
        return [lens * rng.uniform((0.94, 0.85), (1.06, 1.15)) + (0, rng.uniform(-1, 4))]
    size = rng.uniform((30, 22), (36, 30))
    if kind == "round":
        size = np.full(2, rng.uniform(25, 33))
    right = lens * size + (rng.uniform(41, 45), rng.uniform(1, 5))
    return [right * (-1, 1), right]


def _temples(canvas: Canvas, rng: np.random.Generator, lenses: list[Points], frame: Floats, thick: int) -> None:
    """Draw the arms from the lenses to the ears."""
    right = lenses[-1]
    hinge = right[np.argmax(right[:, 0] - 0.5 * right[:, 1])]
    ear = (rng.uniform(90, 98), hinge[1] + rng.uniform(-2, 7))
    for side in (-1, 1):
        arm = np.array([hinge - (3, 0), ear]) * (side, 1)
        canvas.paint(canvas.line(arm, max(3, thick)), 0.85 * frame)


def _tint(canvas: Canvas, rng: np.random.Generator, split: Split, inside: Floats) -> None:
    """Fill the lenses: dark glass in training; graded or mirrored glass is held out."""
    top = colour(rng, split, saturation=(0.1, 0.7), value=(0.03, 0.28))
    if split == "train":
        canvas.paint(inside, top, rng.uniform(0.78, 1.0))
        return
    fade = np.clip((canvas.y + 28) / 56, 0, 1)
    if rng.random() < 0.5:
        canvas.paint(inside, top, (0.95 - rng.uniform(0.1, 0.4) * fade).astype(np.float32))
        return
    sky, ground = colour(rng, split, value=(0.6, 1)), colour(rng, split, value=(0.3, 0.7))
    horizon = 1 / (1 + np.exp(-(canvas.y - rng.uniform(-6, 8) - 0.004 * canvas.x**2) / rng.uniform(2, 9)))
    canvas.paint(inside, sky + horizon[..., None] * (ground - sky), rng.uniform(0.85, 1.0))


def _reflection(canvas: Canvas, rng: np.random.Generator) -> Floats:
    """Return slanted streaks of light, alike on both lenses, and a bright upper rim."""
    u = np.abs(canvas.x + rng.uniform(-4, 4)) * np.sign(canvas.x) % 84 + rng.uniform(0.4, 0.9) * canvas.y
    light = np.zeros_like(canvas.x)
    for _ in range(rng.integers(1, 4)):
        centre, width = rng.uniform(10, 70), rng.uniform(2, 9)
        light += rng.uniform(0.05, 0.3) * np.clip(width - np.abs(u - centre), 0, 1)
    rim = rng.uniform(0, 0.25) * np.clip(-(canvas.y + 4) / 24, 0, 1)
    return soften(np.asarray(light + rim, np.float32), 1.2)


def _frame(canvas: Canvas, rng: np.random.Generator, lenses: list[Points], frame: Floats, thick: int) -> None:
    strokes = [canvas.line(lens, thick, closed=True) for lens in lenses]
    if len(lenses) == 2:
        inner = np.abs(lenses[1][:, 0]).min() + 2
        height = rng.uniform(-14, -2)
        arch = spline([(-inner, height + 3), (0, height - rng.uniform(0, 4)), (inner, height + 3)], closed=False)
        strokes.append(canvas.line(arch, thick + 1))
        if rng.random() < 0.4:
            strokes.append(canvas.line(arch - (0, 8), thick))  # a double bridge
    rim = np.max(strokes, axis=0)
    canvas.paint(rim, frame)
    gloss = canvas.line(lenses[-1] - (0.5, 1), 1, closed=True) * rim
    canvas.shine(gloss * np.clip(-canvas.y / 30, 0, 1) * np.float32(rng.uniform(0.1, 0.6)))


SUNGLASSES = Category(
    "sunglasses",
    LENSES,
    draw_sunglasses,
    window=(-112, -60, 112, 70),
    play=Play(shift=2.0, degrees=2.5, scale=0.04),
    anchors=EYES_AND_NOSE,
    frozen=FrozenCategory(
        sha256="d58457bb37ad4701455e9526495136216fd7ed8357f36019a9074a44d4143681",
        centre=(0, 5),
        shift=2 << 16,
        turn=1430,
        scale=164,
        severe_scale=(2900, 7400),
        severe_shift=(0, 0),
    ),
)
