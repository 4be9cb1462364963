"""Plots of a report, as SVG: the same figures give the same bytes."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from statistics import fmean
from typing import TYPE_CHECKING

from callbacks.figures.style import LETTERS, plots
from experiments.reproduction.tabulated import Cell, unit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float]]
Point = tuple[float, float]

NAME_WIDTH = 42  # characters, so that the figure has its place beside them
STRONG, WEAK = "#1b1b1b", "#8a8a8a"
STYLES = ("-", "--", ":")  # each goes with ten colours


def forest(differences: Mapping[str, Cell]) -> bytes:
    """Draw differences as dots with their intervals about a line at 0, names and figures above them.

    Args:
        differences: By pair; those whose interval excludes 0 are filled.
    """
    names = {name: textwrap.wrap(name, NAME_WIDTH) for name in differences}
    height = sum(len(lines) + 1.5 for lines in names.values())  # in lines of text
    figure, (axes,) = plots(1, 1, width=3.7, height=0.155 * height + 0.3)
    axes.grid(visible=False)
    top = 0.0
    for name, found in differences.items():
        for side, text, share in (("left", "\n".join(names[name]), 0.0), ("right", found.text, 1.0)):
            told = axes.text(share, top, text, ha=side, va="top", size=LETTERS, transform=axes.get_yaxis_transform())
            told.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # not through the line at 0
            told.set_in_layout(False)  # or the layout would shrink the axes
        top += len(names[name]) + 1.5
        _interval(axes, found, top - 0.9)
    axes.set_ylim(height, 0)
    axes.axvline(0, color=STRONG, lw=0.8, zorder=1)
    axes.set_yticks([])
    axes.margins(x=0.08)
    axes.spines["left"].set_visible(False)
    return _svg(figure)


def _interval(axes: "Axes", found: Cell, place: float) -> None:
    if found.estimate is not None:
        mean, half, seeds = found.estimate
        colour = STRONG if found.tells else WEAK
        half_width = half if seeds > 1 else None
        fill = colour if found.tells else "white"
        axes.errorbar(mean, place, xerr=half_width, fmt="o", ms=5, mfc=fill, color=colour, lw=1.4, zorder=3)


def curves(histories: Mapping[str, Sequence[History]], measure: str, against: str) -> bytes:
    """Draw a measure over training: a thin line for each seed, a strong one for their mean where all have it.

    Args:
        histories: By row, one for each seed.
        measure: Its name in the histories, such as ``val/accuracy``.
        against: ``epoch`` or ``seconds``.
    """
    import matplotlib as mpl  # noqa: PLC0415  takes half a second: pay only when used
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  as above

    figure, (axes,) = plots(1, 1, width=4.2, height=2.9 + 0.16 * len(histories))
    colours = mpl.color_sequences["petroff10"]
    unit, name = _unit(histories, against)
    for number, (row, seeds) in enumerate(histories.items()):
        colour, style = colours[number % 10], STYLES[number // 10 % 3]
        lines = [{e["epoch"]: (e[against] / unit, e[measure]) for e in history if measure in e} for history in seeds]
        for line in lines:
            axes.plot(*_axes(line.values()), lw=0.6, alpha=0.5, color=colour, ls=style)
        axes.plot(*_axes(_mean(lines)), lw=1.8, marker=".", ms=4, color=colour, ls=style, label=row)
    axes.set_xlabel(name)
    if against == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(measure)
    figure.legend(loc="outside lower left", fontsize=LETTERS, frameon=False)
    return _svg(figure)


def _axes(points: Iterable[Point]) -> tuple[list[float], list[float]]:
    listed = list(points)
    return [x for x, _ in listed], [y for _, y in listed]


def _mean(lines: Sequence[Mapping[float, Point]]) -> list[Point]:
    """Return the mean points of the epochs that all lines have."""
    common = sorted(set.intersection(*(set(line) for line in lines)))
    return [(fmean(line[e][0] for line in lines), fmean(line[e][1] for line in lines)) for e in common]


def _unit(histories: Mapping[str, Sequence[History]], against: str) -> tuple[float, str]:
    if against == "epoch":
        return 1.0, "epoch"
    longest = max((e["seconds"] for seeds in histories.values() for history in seeds for e in history), default=0.0)
    unit, name = unit_of(longest)
    return unit, f"training time, {name}"


def _svg(figure: "Figure") -> bytes:
    """Return a figure without its date, and with identifiers that are no random ones."""
    import matplotlib as mpl  # noqa: PLC0415  as above

    drawn = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "reproduction"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()
