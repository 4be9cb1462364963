"""Colours of drawn occluders: training and held-out instances share no hue and no grey."""

import colorsys
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from datamodules.occluders.sprite import Floats

Split = Literal["train", "held_out"]
SPLITS: tuple[Split, ...] = get_args(Split)

HUES: Mapping[Split, tuple[tuple[float, float], ...]] = {
    "train": ((0, 32), (95, 140), (195, 248)),
    "held_out": ((40, 85), (150, 185), (262, 345)),
}
"""Ranges of hue in degrees: red to orange, green, blue against yellow, turquoise, violet to pink."""

GREYS: Mapping[Split, tuple[tuple[float, float], ...]] = {
    "train": ((0.05, 0.16), (0.86, 0.97)),
    "held_out": ((0.2, 0.32), (0.5, 0.8)),
}
"""Ranges of brightness of colourless occluders."""


def hue(rng: np.random.Generator, split: Split) -> float:
    """Draw a hue in degrees."""
    bands = HUES[split]
    return float(rng.uniform(*bands[rng.integers(len(bands))]))


def colour(
    rng: np.random.Generator,
    split: Split,
    *,
    saturation: tuple[float, float] = (0.3, 0.8),
    value: tuple[float, float] = (0.25, 0.85),
) -> Floats:
    """Draw a colour, ``(3,)`` RGB in 0 to 255."""
    return hsv(hue(rng, split), rng.uniform(*saturation), rng.uniform(*value))


def grey(rng: np.random.Generator, split: Split) -> Floats:
    """Draw black, white or grey, ``(3,)``."""
    bands = GREYS[split]
    return np.full(3, 255 * rng.uniform(*bands[rng.integers(len(bands))]), np.float32)


def palette(rng: np.random.Generator, split: Split, size: int = 4) -> Floats:
    """Draw colours that go together, ``(size, 3)``: one or two hues and greys, apart in brightness."""
    hues = [hue(rng, split), hue(rng, split)]
    rows = []
    for value in rng.permutation(np.linspace(0.2, 0.92, size)):
        # bright cloth is paler: dyes are no lamps
        tint = hsv(hues[rng.integers(2)], rng.uniform(0.25, 0.95) * (1.1 - 0.45 * value), value)
        rows.append(grey(rng, split) if rng.random() < 0.3 else tint)
    return np.stack(rows)


def hsv(degrees: float, saturation: float, value: float) -> Floats:
    """Return the RGB colour, ``(3,)`` in 0 to 255."""
    return 255 * np.array(colorsys.hsv_to_rgb(degrees / 360 % 1, saturation, value), np.float32)
