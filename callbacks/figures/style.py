"""How all figures look: their resolution, letters, frames, colours.

matplotlib takes half a second to import: it is, when something is drawn.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

DPI = 140
LETTERS, HEADING = 8.5, 10.0  # points: legible where a telephone shows a figure at three quarters
OCCLUDER_COLOUR = (1.0, 0.15, 0.1)
TINT = 0.6
"""Share of the occluder's colour where a pixel is covered."""
MAP_COLOURS = "inferno"
"""Of error rates, bright where a model errs."""
Share = Literal["none", "all", "row", "col"]


def empty_figure(width: float, height: float) -> "Figure":
    """Return a figure of a size in inches without axes."""
    from matplotlib.figure import Figure  # noqa: PLC0415  see above

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def plots(
    rows: int, columns: int, *, width: float, height: float, sharex: Share = "none", sharey: Share = "none"
) -> tuple["Figure", list["Axes"]]:
    """Return a figure and the axes of its plots, row by row: without a frame above and at the right, with a light grid.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        width: Of the figure, in inches.
        height: Of the figure, in inches.
        sharex: Which plots share the horizontal axis.
        sharey: Which plots share the vertical axis.
    """
    figure = empty_figure(width, height)
    panels = list(figure.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False).flat)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=LETTERS)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_size(LETTERS)
    return figure, panels


def pictures(rows: int, columns: int, *, width: float, height: float) -> tuple["Figure", NDArray[Any]]:
    """Return a figure and ``(rows, columns)`` axes for images: without ticks and frames."""
    figure = empty_figure(width, height)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        bare(axes)
    return figure, panels


def bare(axes: "Axes") -> None:
    """Take ticks and frame away, as around an image; its labels stay."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def legend(axes: "Axes", place: Literal["best", "lower right"] = "best") -> None:
    """Name what is drawn, without a frame."""
    axes.legend(frameon=False, fontsize=LETTERS, loc=place)


def shares(axes: "Axes", kinds: dict[str, NDArray[Any]], edges: NDArray[Any], means: tuple[float, ...] = ()) -> None:
    """Draw a histogram for each kind of pairs, in % of that kind.

    Args:
        axes: Where to.
        kinds: Shares of a whole by bin, ``(B,)`` each, by what to call them.
        edges: Of the bins, ``(B + 1,)``.
        means: Of each kind, drawn as a line, if there are any.
    """
    for place, (name, found) in enumerate(kinds.items()):
        drawn = axes.stairs(100 * found, edges, fill=True, alpha=0.55, label=name)
        for mean in means[place : place + 1]:
            axes.axvline(mean, color=drawn.get_facecolor(), linestyle="--", linewidth=1)
    axes.set_ylabel("% of pairs")


def error_map(axes: "Axes", error: NDArray[np.float32]) -> "AxesImage":
    """Draw an occlusion map, error rates from 0 to 1, and return it for :func:`colour_scale`."""
    return axes.imshow(error, cmap=MAP_COLOURS, vmin=0, vmax=1)


def colour_scale(figure: "Figure", drawn: "AxesImage", beside: Any, *, label: str = "", shrink: float = 1.0) -> None:
    """Draw the scale of an image's colours beside one or several axes."""
    scale = figure.colorbar(drawn, ax=beside, shrink=shrink)
    scale.set_label(label, fontsize=LETTERS)
    scale.ax.tick_params(labelsize=LETTERS)
