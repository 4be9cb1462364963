"""Pictures of verification maps over a drawn face."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callbacks.figures.drawn_face import draw_face
from callbacks.figures.style import HEADING, LETTERS, MAP_COLOURS, colour_scale, pictures
from callbacks.run_files import save_figure

SIDE = 2.3  # inches, of a map


class FaceMap(NamedTuple):
    """What is drawn of a map."""

    title: str
    values: NDArray[np.float32]
    """``(H, W)``."""
    unit: str
    """What the values are."""
    below: str = ""
    least: float | None = None
    """What the colours begin with; by default the least value."""
    most: float | None = None


def draw_maps(maps: Sequence[FaceMap], points: NDArray[np.floating], path: Path, *, heading: str) -> Path:
    """Draw maps side by side, each in its own colours, over a face with its landmarks at ``points``, and in words.

    Args:
        maps: Of one size.
        points: ``(5, 2)`` x and y in pixels.
        path: Where to.
        heading: Above all.
    """
    figure, panels = pictures(1, len(maps), width=(SIDE + 0.9) * len(maps), height=SIDE + 1.3)
    for axes, shown in zip(panels.flat, maps, strict=True):
        drawn = axes.imshow(shown.values, cmap=MAP_COLOURS, interpolation="bilinear", vmin=shown.least, vmax=shown.most)
        height, width = shown.values.shape
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        draw_face(axes, points)
        axes.set_title(shown.title, fontsize=LETTERS)
        axes.set_xlabel(shown.below, fontsize=LETTERS)
        colour_scale(figure, drawn, axes, label=shown.unit, shrink=0.8)
    figure.suptitle(heading, fontsize=HEADING)
    said = "; ".join(f"{one.title}: {one.unit}, {one.values.min():.3g} to {one.values.max():.3g}" for one in maps)
    save_figure(figure, path, described=f"{heading}. {said}")
    return path
