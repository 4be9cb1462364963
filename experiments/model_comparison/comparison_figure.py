"""What becomes of a measure while more of the face is covered, drawn for every model."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from callbacks.figures.style import HEADING, legend, plots
from experiments.model_comparison.comparison_tables import CLEAN, TITLES, Estimates
from experiments.model_comparison.condition_scores import RateEstimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3


def severity_figure(found: Estimates, measure: str, severities: Sequence[str]) -> bytes:
    """Return a PNG: a panel for each model, a line for each occluder, with intervals.

    Args:
        found: Estimates.
        measure: What is drawn, in %.
        severities: In the order of the axis, which begins with the clean faces.
    """
    rows = -(-len(found) // COLUMNS)
    columns = min(len(found), COLUMNS)
    figure, panels = plots(
        rows, columns, width=4.2 * columns + 0.6, height=3.4 * rows + 0.3, sharex="all", sharey="all"
    )
    occluders = dict.fromkeys(name.partition("/")[0] for model in found.values() for name in model if name != CLEAN)
    for axes, (model, conditions) in zip(panels, found.items(), strict=False):
        for place, occluder in enumerate(occluders):
            points = [
                conditions.get(name, {}).get(measure) for name in (CLEAN, *(f"{occluder}/{s}" for s in severities))
            ]
            _line(axes, points, occluder.replace("_", " "), shift=0.04 * (place - len(occluders) / 2))
        axes.set_xticks(range(len(severities) + 1), [CLEAN, *severities])
        axes.set_title(model, fontsize=HEADING)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    panels[0].set_ylabel(f"{TITLES[measure].lower()}, %")
    if measure != "accuracy":  # near 100 %, where nothing could be told from 0 on
        panels[0].set_ylim(bottom=0)
    legend(panels[0])
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _line(axes: "Axes", points: Sequence[RateEstimate | None], label: str, *, shift: float) -> None:
    """Draw estimates in % one beside the other, with their intervals; lines of a panel are shifted to be told apart."""
    drawn = [(x, point) for x, point in enumerate(points) if point is not None]
    errors = [[100 * abs(bound - point.value) for bound in point.interval] for _, point in drawn]
    values = [100 * point.value for _, point in drawn]
    sides = [list(side) for side in zip(*errors, strict=True)]
    axes.errorbar([x + shift for x, _ in drawn], values, sides, marker="o", ms=3, lw=1.2, capsize=2, label=label)
