"""Smooth curves through control points and thin shapes along them, for a batch at once."""

from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from datamodules.sources.synthetic.sampling import Floats, Pixels


class FacePart(NamedTuple):
    """Polygons of one colour, drawn together."""

    points: Floats
    """``(B, n, P, 3)`` corners of ``n`` polygons in face units."""
    colour: Floats
    """``(B, 4)`` albedo from 0 to 255 and, last, how much of the light's modelling the material takes."""
    visible: NDArray[np.bool_] | None = None
    """``(B,)``, or ``None`` where the part is always drawn."""


_Array = TypeVar("_Array", Floats, Pixels)


def surface(x: _Array, y: _Array) -> _Array:
    """Depth of a smooth head without features at ``(x, y)``: 0 between the eyes, falling off to the sides."""
    fall = 1.0 - (x / 1.12) ** 2 - ((y - 0.1) / 2.0) ** 2
    return np.sqrt(np.maximum(fall, 0.09)) - 1.0  # type: ignore[return-value]  # keeps the precision it is given


def lift(x: Floats, y: Floats, offset: Floats | float = 0.0) -> Floats:
    """Lay flat points onto the head: ``(…, P)`` and ``(…, P)`` to ``(…, P, 3)``, ``offset`` in front of it."""
    x, y = np.broadcast_arrays(x, y)
    return np.stack([x, y, surface(x, y) + offset], axis=-1)


def spline(control: Floats, samples: int, *, closed: bool) -> Floats:
    """Sample the Catmull-Rom spline through ``(B, K, D)`` control points at ``samples`` places: ``(B, P, D)``.

    Example:
        >>> line = np.array([[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]])
        >>> spline(line, 4, closed=False)[0].tolist() == line[0].tolist()
        True
    """
    weights = _spline_weights(control.shape[1], samples, closed)
    return weights @ control  # stacked: each row's result is independent of the batch


@cache
def _spline_weights(knots: int, samples: int, closed: bool) -> Floats:
    spans = knots if closed else knots - 1
    place = np.linspace(0, spans, samples, endpoint=not closed)
    span = np.minimum(place.astype(int), spans - 1)
    t = place - span
    basis = np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1) / 2
    weights = np.zeros((samples, knots))
    for offset in range(4):
        knot = span + offset - 1
        knot = knot % knots if closed else np.clip(knot, 0, knots - 1)
        np.add.at(weights, (np.arange(samples), knot), basis[:, offset])
    return weights


def ribbon(x: Floats, y: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Thicken an open curve ``(…, P)`` by ``width`` on both sides: the outline's x and y, ``(…, 2 P)``."""
    dx = _slope(x)
    dy = _slope(y)
    scale = width / np.maximum(np.sqrt(dx * dx + dy * dy), 1e-6)
    nx, ny = -dy * scale, dx * scale
    return (
        np.concatenate([x + nx, (x - nx)[..., ::-1]], axis=-1),
        np.concatenate([y + ny, (y - ny)[..., ::-1]], axis=-1),
    )


def _slope(values: Floats) -> Floats:
    slope = np.empty_like(values)
    slope[..., 1:-1] = values[..., 2:] - values[..., :-2]
    slope[..., 0] = values[..., 1] - values[..., 0]
    slope[..., -1] = values[..., -1] - values[..., -2]
    return slope


def between(x: Floats, upper: Floats, lower: Floats) -> tuple[Floats, Floats]:
    """Outline of the area between two curves over the same ``x``: its x and y, ``(…, 2 P)``."""
    x, upper, lower = np.broadcast_arrays(x, upper, lower)
    return np.concatenate([x, x[..., ::-1]], axis=-1), np.concatenate([upper, lower[..., ::-1]], axis=-1)


def circle(points: int) -> tuple[Floats, Floats]:
    """Cosine and sine around a circle, each ``(P,)``."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.cos(angle), np.sin(angle)
