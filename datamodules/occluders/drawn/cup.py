"""Cups held to the mouth: mugs, paper cups, bowls, glasses."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from datamodules.occluders.drawn.canvas import Canvas, soften
from datamodules.occluders.drawn.category import Category, FrozenCategory
from datamodules.occluders.drawn.colours import Split, colour, grey, hsv, palette
from datamodules.occluders.drawn.outlines import ellipse, spline
from datamodules.occluders.drawn.patterns import draw_pattern
from datamodules.occluders.sprite import Floats, Play


class Body(NamedTuple):
    """Half widths at rim and foot, and height, in face units."""

    rim: tuple[float, float]
    foot: float
    """As a share of the rim."""
    height: tuple[float, float]
    handle: bool
    bulge: float


BODIES: Mapping[Split, Mapping[str, Body]] = {
    "train": {
        "mug": Body((36, 48), 0.96, (80, 108), handle=True, bulge=0.0),
        "paper_cup": Body((34, 44), 0.72, (95, 130), handle=False, bulge=0.0),
        "barrel": Body((33, 42), 0.86, (78, 100), handle=True, bulge=0.16),
    },
    "held_out": {
        "bowl": Body((46, 58), 0.48, (62, 80), handle=True, bulge=0.22),
        "glass": Body((28, 38), 0.86, (100, 135), handle=False, bulge=0.0),
        "tumbler": Body((31, 38), 0.62, (120, 150), handle=False, bulge=0.05),
    },
}
"""Sizes and shapes by split."""


def draw_cup(canvas: Canvas, rng: np.random.Generator, split: Split, kind: str) -> None:
    """Draw one cup whose rim lies at the mouth."""
    body = BODIES[split][kind]
    rim, height = rng.uniform(*body.rim), rng.uniform(*body.height)
    top = rng.uniform(68, 86)
    tint = colour(rng, split) if rng.random() < 0.6 else grey(rng, split)
    if body.handle:
        _handle(canvas, rng, rim, top, height, tint)
    inside, across = _body(canvas, body, rim, top, height)
    if kind == "glass":
        _glass(canvas, rng, split, inside, top + height * rng.uniform(0.1, 0.5))
    else:
        canvas.paint(inside, _glaze(canvas, rng, split, tint, across * rim))
    _light(canvas, rng, across, inside, glossy=kind != "paper_cup")
    _rim(canvas, rng, split, kind, rim, top, tint)
    canvas.drop_shadow(strength=rng.uniform(0.2, 0.45))


def _body(canvas: Canvas, body: Body, rim: float, top: float, height: float) -> tuple[Floats, Floats]:
    """Return the inside and, for every pixel, how far across the cup it lies, -1 to 1."""
    t = np.clip((canvas.y - top) / height, 0, 1)
    half = rim * (1 + (body.foot - 1) * (t**2 if body.foot < 0.6 else t) + body.bulge * np.sin(np.pi * t))
    levels = np.linspace(0, 1, 24)
    widths = rim * (1 + (body.foot - 1) * (levels**2 if body.foot < 0.6 else levels))
    widths += rim * body.bulge * np.sin(np.pi * levels)
    side = np.stack([widths, top + levels * height], axis=1)
    foot = ellipse((0, top + height), widths[-1], 0.16 * widths[-1])
    lower = foot[(foot[:, 1] >= top + height)]
    outline = np.concatenate([side, lower[np.argsort(-lower[:, 0])], side[::-1] * (-1, 1)])
    return canvas.polygon(outline), np.clip(canvas.x / half, -1, 1).astype(np.float32)


def _glaze(canvas: Canvas, rng: np.random.Generator, split: Split, tint: Floats, across: Floats) -> Floats:
    """Return the surface: one colour, a band of pattern or pattern all over, wrapped round the cup."""
    plain = np.broadcast_to(tint, (*canvas.x.shape, 3)).astype(np.float32)
    style = rng.random()
    if style < 0.35:
        return plain
    wrapped = (across.max() * np.arcsin(across / max(1e-3, across.max()))).astype(np.float32)
    printed = draw_pattern(rng, split, palette(rng, split), wrapped, canvas.y)
    if style < 0.65:
        return printed
    band = np.clip(rng.uniform(16, 30) - np.abs(canvas.y - rng.uniform(120, 150)), 0, 1)
    return np.asarray(plain + band[..., None] * (printed - plain))


def _glass(canvas: Canvas, rng: np.random.Generator, split: Split, inside: Floats, surface: float) -> None:
    """Fill a clear glass: it counts as occluder although the face shines through."""
    canvas.paint(inside, hsv(170, 0.1, 0.85), rng.uniform(0.25, 0.45))
    drink = np.clip(canvas.y - surface, 0, 1) * inside * (np.abs(canvas.x) < 80)
    canvas.paint(drink, colour(rng, split, value=(0.4, 0.9)), rng.uniform(0.55, 0.85))


def _handle(canvas: Canvas, rng: np.random.Generator, rim: float, top: float, height: float, tint: Floats) -> None:
    side, reach = rng.choice([-1, 1]), rng.uniform(24, 36)
    upper, lower = top + rng.uniform(0.12, 0.22) * height, top + rng.uniform(0.68, 0.82) * height
    start = 0.9 * rim
    path = spline(
        [(start, upper), (rim + 0.75 * reach, upper), (rim + reach, (upper + lower) / 2), (start, lower)], closed=False
    )
    width = int(rng.integers(9, 14))
    bent = path * (side, 1)
    canvas.paint(canvas.line(bent, width), 0.8 * tint)
    canvas.paint(canvas.line(bent - (0, 1.5), width // 2), np.minimum(tint, 255))


def _light(canvas: Canvas, rng: np.random.Generator, across: Floats, inside: Floats, *, glossy: bool) -> None:
    """Light the cup from one side; glazed ones reflect a window."""
    angle = np.arcsin(np.clip(across, -0.999, 0.999))
    source = rng.uniform(-0.8, 0.8)
    canvas.shade((0.5 + 0.58 * np.cos(angle - source)).astype(np.float32), inside)
    if glossy:
        spot = np.exp(-(((angle - 0.6 * source - 0.3) / 0.09) ** 2)) * np.clip((canvas.y - 90) / 20, 0, 1)
        canvas.shine(soften(np.asarray(rng.uniform(0.1, 0.55) * spot, np.float32), 1.0) * inside)


def _rim(
    canvas: Canvas, rng: np.random.Generator, split: Split, kind: str, rim: float, top: float, tint: Floats
) -> None:
    """Close the top: a lid on some paper cups and tumblers, else the opening seen from above."""
    if kind in ("paper_cup", "tumbler") and rng.random() < 0.6:
        lid = grey(rng, split)
        canvas.paint(canvas.polygon(ellipse((0, top - 2), rim * 0.9, 12, 3)), 0.9 * lid)
        canvas.paint(canvas.polygon(ellipse((0, top + 3), rim * 1.05, 6, 3)), lid)
        return
    opening = ellipse((0, top), rim, rim * rng.uniform(0.1, 0.2))
    strength = 1.0
    if kind == "glass":
        tint, strength = hsv(170, 0.08, 0.85), 0.35
    canvas.paint(canvas.polygon(opening), 0.55 * tint, strength)
    canvas.paint(canvas.line(opening, 3, closed=True), np.minimum(1.15 * tint + 12, 255), strength)


CUP = Category(
    "cup",
    BODIES,
    draw_cup,
    window=(-130, 40, 130, 270),
    play=Play(shift=6.0, degrees=8.0, scale=0.07),
    frozen=FrozenCategory(
        sha256="b0b2e7ef2f8d76df72d13ade9624daef29a107a1b8b3f5bad0e371873487b36c",
        centre=(0, 120),
        shift=6 << 16,
        turn=4575,
        scale=287,
        severe_scale=(3000, 6800),
        severe_shift=(-20 << 16, 10 << 16),
    ),
)
