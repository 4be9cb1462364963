"""Printed and woven patterns as functions of cloth coordinates; training and held-out kinds are disjoint."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from datamodules.occluders.drawn.colours import Split
from datamodules.occluders.sprite import Floats

Pattern = Callable[[np.random.Generator, Floats, Floats, Floats], Floats]
"""``(rng, colours (4, 3), x (h, w), y (h, w)) -> (h, w, 3)``; folds enter by bending x and y."""


def draw_pattern(rng: np.random.Generator, split: Split, colours: Floats, x: Floats, y: Floats) -> Floats:
    """Draw one of the split's patterns, ``(h, w, 3)`` in 0 to 255, at cloth coordinates in face units."""
    kinds = list(PATTERNS[split])
    return PATTERNS[split][kinds[rng.integers(len(kinds))]](rng, colours, x, y)


def noise(rng: np.random.Generator, shape: tuple[int, ...], cell: float) -> Floats:
    """Return smooth noise of about standard deviation 1, ``(h, w)``; ``cell`` is the size of its blobs."""
    grid = rng.standard_normal((max(2, round(shape[0] / cell) + 1), max(2, round(shape[1] / cell) + 1)))
    return np.asarray(cv2.resize(grid.astype(np.float32), shape[1::-1], interpolation=cv2.INTER_CUBIC))


def _plain(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    return _mix(colours[0], 0.8 * colours[0], np.clip(0.5 + 0.2 * noise(rng, x.shape, 2), 0, 1))


def _stripes(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    u, _ = _turned(rng, x, y)
    period = rng.uniform(10, 34)
    cloth = _mix(colours[0], colours[1], _bands(u, period, rng.uniform(0.3, 0.7)))
    return _mix(cloth, colours[2], _bands(u + period / 3, period, 0.12)) if rng.random() < 0.5 else cloth


def _plaid(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    u, v = _turned(rng, x, y)
    period = rng.uniform(22, 48)
    cloth = _mix(_mix(colours[0], colours[1], 0.55 * _bands(u, period, 0.5)), colours[1], 0.55 * _bands(v, period, 0.5))
    lines = np.maximum(_bands(u + period / 4, period, 0.09), _bands(v + period / 4, period, 0.09))
    return _mix(cloth, colours[2], 0.8 * lines)


def _dots(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    period = rng.uniform(13, 28)
    u, v = _cells(x + period / 2 * np.floor(y / period), y, period)
    return _mix(colours[0], colours[1], _inside(np.hypot(u, v), period * rng.uniform(0.2, 0.36)))


def _camouflage(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    cloth = np.broadcast_to(colours[0], (*x.shape, 3)).astype(np.float32)
    cell = rng.uniform(14, 26)
    for colour in colours[1:]:
        cloth = _mix(cloth, colour, np.clip(4 * (noise(rng, x.shape, cell) - 0.35), 0, 1))
    return cloth


def _speckle(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    grain = noise(rng, x.shape, rng.uniform(2, 5)) + 0.6 * noise(rng, x.shape, 9)
    return _mix(colours[0], colours[1], np.clip(0.5 + 0.5 * grain, 0, 1))


def _gradient(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    u, _ = _turned(rng, x, y)
    return _mix(colours[0], colours[1], (u - u.min()) / (np.ptp(u) + 1e-6))


def _knit(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    """Rows of V stitches."""
    period = rng.uniform(6, 10)
    u, _ = _cells(x, y, period)
    stitch = 0.5 + 0.5 * np.sin(2 * np.pi * (y + 1.1 * np.abs(u)) / (0.7 * period))
    rows = _bands(y, rng.uniform(30, 70), 0.5) if rng.random() < 0.6 else np.zeros_like(x)
    return np.asarray(_mix(colours[0], colours[1], rows) * (0.6 + 0.4 * stitch * np.cos(np.pi * u / period))[..., None])


def _chevron(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    period = rng.uniform(14, 30)
    u, _ = _cells(x, y, period)
    zigzag = y + rng.uniform(0.8, 1.3) * np.abs(u)
    cloth = _mix(colours[0], colours[1], _bands(zigzag, period, 0.5))
    return _mix(cloth, colours[2], _bands(zigzag + period, 2 * period, 0.2))


def _argyle(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    period = rng.uniform(28, 46)
    a, b = x + 0.6 * y, x - 0.6 * y
    cloth = _mix(colours[0], colours[1], _bands(a, period, 0.5) * _bands(b, period, 0.5))
    lines = np.maximum(_bands(a + period / 4, period, 0.06), _bands(b + period / 4, period, 0.06))
    return _mix(cloth, colours[2], 0.8 * lines)


def _flowers(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    period = rng.uniform(24, 38)
    u, v = _cells(x + period / 2 * np.floor(y / period), y, period)
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    petals = _inside(radius, period * (0.27 + 0.13 * np.cos(rng.integers(4, 7) * angle)))
    return _mix(_mix(colours[0], colours[1], petals), colours[2], _inside(radius, 0.11 * period))


def _waves(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    period = rng.uniform(12, 24)
    u = y + 0.35 * period * np.sin(2 * np.pi * x / rng.uniform(24, 50))
    cloth = _mix(colours[0], colours[1], _bands(u, 2 * period, 0.5))
    return _mix(cloth, colours[2], _bands(u + 0.3 * period, 2 * period, 0.12))


def _marble(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    bend = 14 * noise(rng, x.shape, 40) + 6 * noise(rng, x.shape, 15)
    veins = np.abs(np.sin((0.6 * x + y + bend) / rng.uniform(7, 14)))
    return _mix(colours[1], colours[0], np.clip(1.6 * veins, 0, 1))


def _rings(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    period = rng.uniform(22, 36)
    u, v = _cells(x, y, period)
    radius = np.hypot(u, v)
    return _mix(colours[0], colours[1], _inside(np.abs(radius - 0.3 * period), 0.09 * period))


def _rib(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    """Vertical ribs of coarse wool."""
    period = rng.uniform(7, 12)
    rib = 0.5 + 0.5 * np.cos(2 * np.pi * x / period)
    wool = 1 + 0.1 * noise(rng, x.shape, 2)
    rows = _mix(colours[0], 0.85 * colours[0], 0.5 + 0.5 * np.sin(y / 1.6))
    return np.asarray(rows * ((0.5 + 0.5 * rib) * wool)[..., None])


def _houndstooth(rng: np.random.Generator, colours: Floats, x: Floats, y: Floats) -> Floats:
    period = rng.uniform(12, 22)
    warp, weft = _bands(x, period, 0.5), _bands(y, period, 0.5)
    twill = _bands(x + y, period / 2, 0.5)
    return _mix(colours[0], colours[1], np.where(np.abs(warp - weft) < 0.5, warp, twill).astype(np.float32))


PATTERNS: Mapping[Split, Mapping[str, Pattern]] = {
    "train": {
        "plain": _plain,
        "stripes": _stripes,
        "plaid": _plaid,
        "dots": _dots,
        "camouflage": _camouflage,
        "speckle": _speckle,
        "gradient": _gradient,
        "knit": _knit,
    },
    "held_out": {
        "chevron": _chevron,
        "argyle": _argyle,
        "flowers": _flowers,
        "waves": _waves,
        "marble": _marble,
        "rings": _rings,
        "rib": _rib,
        "houndstooth": _houndstooth,
    },
}


def _mix(a: Floats, b: Floats, share: Floats) -> Floats:
    """Go from ``a`` to ``b`` as ``share``, ``(h, w)``, goes from 0 to 1."""
    return np.asarray(a + share[..., None] * (b - a))


def _bands(u: Floats, period: float, duty: float) -> Floats:
    """Return 1 on bands that take up ``duty`` of each ``period``, with edges one unit wide."""
    return np.asarray(np.clip(duty * period / 2 - np.abs((u % period) - period / 2) + 0.5, 0, 1))


def _inside(distance: Floats, radius: float | Floats) -> Floats:
    return np.asarray(np.clip(radius - distance + 0.5, 0, 1))


def _cells(x: Floats, y: Floats, period: float) -> tuple[Floats, Floats]:
    """Return coordinates from the centre of each square cell."""
    return x % period - period / 2, y % period - period / 2


def _turned(rng: np.random.Generator, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Turn the cloth by one of a few angles."""
    angle = np.deg2rad(rng.choice([0, 30, 45, 90, 135])) + rng.normal(0, 0.08)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * x + sin * y, cos * y - sin * x
