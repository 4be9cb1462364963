"""A built-in category of occluders in one record: how it is drawn, where it sits, what LFW-occ has of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datamodules.occluders.anchors import LANDMARK_NAMES, Fit
from datamodules.occluders.drawn.canvas import Canvas
from datamodules.occluders.drawn.colours import Split
from datamodules.occluders.sprite import Play, Sprite


class FrozenCategory(NamedTuple):
    """LFW-occ's own numbers of a category, whole ones: what training draws may change, a benchmark may not."""

    sha256: str
    """Of the pixels of its image in ``occluders/held_out``."""
    centre: tuple[int, int]
    """What an instance turns and grows about, in face units."""
    shift: int
    """Standard deviation, in 2⁻¹⁶ face units."""
    turn: int
    """Tangent of half the angle, standard deviation in 2⁻¹⁶."""
    scale: int
    """Relative, standard deviation in 2⁻¹²."""
    severe_scale: tuple[int, int]
    """Range of a further factor where a severity is asked for, in 2⁻¹²."""
    severe_shift: tuple[int, int]
    """Range of a further shift down where a severity is asked for, in 2⁻¹⁶ face units."""


@dataclass(frozen=True)
class Category:
    """A built-in category.

    Attributes:
        name: What configurations and label files call it.
        kinds: Names of its kinds by split, each with what tells it from others; the splits share none.
        draw: Draws one instance of a kind on a canvas, in face units.
        window: Left, top, right, bottom in face units: the part of the face that instances are drawn on.
        play: How loosely an instance sits in training.
        anchors: Landmarks that an instance is laid on, among ``LANDMARK_NAMES``.
        fit: How it is laid on them, see :func:`~datamodules.occluders.anchors.fit_solver`.
        frozen: What LFW-occ has of it; ``None``: it is no part of LFW-occ. Once there is something, ``window``,
            ``anchors`` and ``fit`` are LFW-occ's, too, and stay.
    """

    name: str
    kinds: Mapping[Split, Mapping[str, object]]
    draw: Callable[[Canvas, np.random.Generator, Split, str], None]
    window: tuple[int, int, int, int]
    play: Play
    anchors: tuple[str, ...] = LANDMARK_NAMES
    fit: Fit = "similarity"
    frozen: FrozenCategory | None = None

    def sprite(self, generator: np.random.Generator, split: Split) -> Sprite:
        """Draw one instance of a split, of any of its kinds."""
        kinds = list(self.kinds[split])
        kind = kinds[generator.integers(len(kinds))]
        canvas = Canvas(*self.window)
        self.draw(canvas, generator, split, kind)
        return canvas.sprite(self.play, anchors=self.anchors, fit=self.fit)
