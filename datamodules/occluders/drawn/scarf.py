"""Scarves over the lower face: folds bend the pattern and carry the shading."""

from collections.abc import Mapping

import numpy as np

from datamodules.occluders.drawn.canvas import Canvas, Points, soften
from datamodules.occluders.drawn.category import Category, FrozenCategory
from datamodules.occluders.drawn.colours import Split, palette
from datamodules.occluders.drawn.outlines import ellipse, mirrored, spline
from datamodules.occluders.drawn.patterns import draw_pattern, noise
from datamodules.occluders.sprite import Floats, Play

# from the middle of the upper hem down the right side, y from the hem
_WRAP = [(0, 0), (30, 0), (60, -8), (84, -16), (98, 6), (106, 60), (122, 130), (130, 240), (60, 250), (0, 250)]
_BANDANA = [(0, 0), (30, -2), (60, -12), (86, -24), (88, 0), (78, 50), (52, 112), (22, 168), (0, 196)]
_LOOP = [(0, 4), (40, -4), (80, -2), (112, 18), (132, 64), (140, 130), (138, 230), (60, 250), (0, 250)]
_GAITER = [(0, -4), (26, 2), (52, -10), (78, -30), (84, -8), (78, 50), (64, 96), (66, 150), (80, 250), (0, 250)]
_SHAWL = [(0, 0), (44, -16), (92, -46), (116, -40), (130, 40), (146, 120), (152, 240), (60, 250), (0, 250)]
_KNOT = [(0, 10), (40, 0), (78, -14), (96, -2), (100, 40), (92, 90), (64, 128), (30, 140), (0, 138)]

OUTLINES: Mapping[Split, Mapping[str, Points]] = {
    "train": {"wrap": np.array(_WRAP), "bandana": np.array(_BANDANA), "loop": np.array(_LOOP)},
    "held_out": {"gaiter": np.array(_GAITER), "shawl": np.array(_SHAWL), "knot": np.array(_KNOT)},
}
"""Right halves of the outlines by split, in face units below the upper hem."""
_WOUND = ("wrap", "loop", "shawl")  # lie in several turns, one over the other


def draw_scarf(canvas: Canvas, rng: np.random.Generator, split: Split, kind: str) -> None:
    """Draw one scarf, from between nose bridge and upper lip down past the chin and the neck."""
    hem = rng.uniform(30, 64)
    inside = canvas.polygon(_outline(rng, OUTLINES[split][kind], hem))
    if kind == "knot":
        inside = np.maximum(inside, _tails(canvas, rng, hem))
    turns = _turns(canvas, rng, hem) if kind in _WOUND else []
    depth = _folds(canvas, rng, kind, hem)
    x, y = _cloth_coordinates(canvas, turns, depth)
    canvas.paint(inside, draw_pattern(rng, split, palette(rng, split), x, y))
    _light(canvas, rng, inside, depth)
    for u in turns:
        _overlap(canvas, u)
    canvas.drop_shadow(down=-4, strength=rng.uniform(0.25, 0.5))


def _cloth_coordinates(canvas: Canvas, turns: list[Floats], depth: Floats) -> tuple[Floats, Floats]:
    """Return where on the cloth every pixel lies: it sags with the scarf, bends with folds, jumps at turns."""
    x, y = canvas.x + 2 * depth, canvas.y + 4 * depth - 22 * (1 - (canvas.x / 100) ** 2)
    for below in turns:
        x, y = x + 31 * (below > 0), y + 43 * (below > 0)
    return x, y


def _turns(canvas: Canvas, rng: np.random.Generator, hem: float) -> list[Floats]:
    """Return, for each turn of the scarf that lies on top, the distance below its lower edge."""
    turns, edge = [], hem
    for _ in range(int(rng.integers(1, 4))):
        edge += rng.uniform(38, 75)
        bend = rng.uniform(10, 45) * (1 - (canvas.x / 100) ** 2) + rng.uniform(-0.35, 0.35) * canvas.x
        turns.append(np.asarray(canvas.y - edge - bend + 5 * noise(rng, canvas.x.shape, 70), np.float32))
    return turns


def _overlap(canvas: Canvas, below: Floats) -> None:
    """Let a turn cast its shadow on the one below and catch light along its rolled edge."""
    shadow = 0.5 * np.exp(-np.maximum(below, 0) / 10) / (1 + np.exp(-np.clip(below, -20, 20) * 2))
    roll = 0.14 * np.exp(-(((below + 9) / 6) ** 2)) - 0.2 * np.exp(-(((below + 1) / 3) ** 2))
    canvas.shade((1 - shadow + roll).astype(np.float32))


def _outline(rng: np.random.Generator, right_half: Points, hem: float) -> Points:
    """Complete the outline, uneven on both sides, and slant the hem a little."""
    outline = mirrored(right_half) + np.array([0, hem])
    outline += rng.normal(0, 2.2, outline.shape)
    outline[:, 1] += rng.uniform(-0.06, 0.06) * outline[:, 0]
    return spline(outline)


def _folds(canvas: Canvas, rng: np.random.Generator, kind: str, hem: float) -> Floats:
    """Return the height of the cloth, about -1 to 1: folds that sag between the ears and fade in and out."""
    x, y = canvas.x, canvas.y - hem
    sag = rng.uniform(14, 40) * (1 - (x / 95) ** 2)
    if kind == "bandana":
        sag = -rng.uniform(0.4, 0.9) * np.abs(x)  # drawn tight: folds run from the ears to the tip
    u = y - sag + rng.uniform(-0.35, 0.35) * x + 9 * noise(rng, x.shape, 70)
    period = rng.uniform(22, 40)
    ridge = np.sin(2 * np.pi * (u / period + 0.2 * np.sin(u / period * 2.3 + rng.uniform(0, 6))))
    fading = np.clip(0.6 + 0.5 * noise(rng, x.shape, 45), 0.1, 1.2)
    strength = rng.uniform(0.6, 1.0) * (0.4 if kind == "gaiter" else 1.0)
    return np.asarray(strength * fading * ridge + 0.15 * noise(rng, x.shape, 18))


def _tails(canvas: Canvas, rng: np.random.Generator, hem: float) -> Floats:
    """Return the knot under the chin and the two ends that hang from it."""
    x, y = rng.uniform(-30, 30), hem + 128
    knot = canvas.polygon(ellipse((x, y), 26, 22, 2.6))
    ends = [
        np.array([(x + s * 6, y), (x + s * 20, y + 6), (x + s * 62, y + 120), (x + s * 20, y + 134)]) for s in (-1, 1)
    ]
    return np.asarray(np.max([knot, *(canvas.polygon(end) for end in ends)], axis=0))


def _light(canvas: Canvas, rng: np.random.Generator, inside: Floats, depth: Floats) -> None:
    """Shade folds, the round of the head, the edges and the hem."""
    slope = np.gradient(depth, axis=0) + rng.uniform(-0.4, 0.4) * np.gradient(depth, axis=1)
    folds = 1 + 0.12 * depth - 1.1 * soften(np.asarray(slope, np.float32), 1.0)  # light falls from above
    round_ = 1.05 - 0.42 * (canvas.x / 120) ** 2 + rng.uniform(-0.15, 0.15) * canvas.x / 100
    nose = 0.1 * np.exp(-(canvas.x**2) / 400 - (canvas.y - 60) ** 2 / 1200)
    edge = 0.6 + 0.4 * np.clip(2 * soften(inside, 5) - 1, 0, 1) ** 0.5
    canvas.shade((folds * round_ * edge + nose).astype(np.float32))
    hem = np.clip(inside - np.roll(inside, 3, axis=0), 0, 1)
    canvas.shine(soften(hem, 1.0) * np.float32(rng.uniform(0, 0.3)))


SCARF = Category(
    "scarf",
    OUTLINES,
    draw_scarf,
    window=(-170, 0, 170, 330),
    play=Play(shift=4.0, degrees=3.0, scale=0.05),
    frozen=FrozenCategory(
        sha256="a0cc8b51b31140fa63400eabfa69b28d07dd65470cb1138be63e3a4054511e6d",
        centre=(0, 110),
        shift=4 << 16,
        turn=1716,
        scale=205,
        severe_scale=(3700, 4500),
        severe_shift=(-15 << 16, 75 << 16),
    ),
)
