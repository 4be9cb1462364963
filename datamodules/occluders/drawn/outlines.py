"""Outlines as points."""

from collections.abc import Sequence

import numpy as np

from datamodules.occluders.drawn.canvas import Points


def spline(points: Sequence[tuple[float, float]] | Points, *, closed: bool = True, steps: int = 8) -> Points:
    """Return the smooth (Catmull-Rom) curve through ``points``, ``(n, 2)`` with ``steps`` points a piece."""
    knots = np.asarray(points, dtype=np.float64)
    ring = np.concatenate([knots[-1:], knots, knots[:2]]) if closed else np.concatenate([knots[:1], knots, knots[-1:]])
    a, b, c, d = (ring[i : len(ring) - 3 + i, None] for i in range(4))  # each (pieces, 1, 2)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    curve = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    path = (0.5 * curve).reshape(-1, 2)
    return path if closed else np.concatenate([path, knots[-1:]])


def mirrored(right_half: Sequence[tuple[float, float]] | Points) -> Points:
    """Complete an outline, given from the top of the middle line down its right side, by its mirror image."""
    half = np.asarray(right_half, dtype=np.float64)
    inner = half[(half[:, 0] > 0)]
    return np.concatenate([half, inner[::-1] * (-1, 1)])


def ellipse(centre: tuple[float, float], half_width: float, half_height: float, power: float = 2.0) -> Points:
    """Return a superellipse: ``power`` 2 is an ellipse, more is squarer."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = half_width * np.sign(cos) * np.abs(cos) ** (2 / power)
    y = half_height * np.sign(sin) * np.abs(sin) ** (2 / power)
    return np.stack([x, y], axis=1) + centre
