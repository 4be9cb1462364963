"""What becomes of a measure while more of the face is covered, drawn for every model."""

from collections.abc import Sequence
from io import BytesIO

from callbacks.figures.style import HEADING, legend, plots
from experiments.model_comparison.comparison_tables import CLEAN, TITLES, Estimates

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
            names = [CLEAN, *(f"{occluder}/{severity}" for severity in severities)]
            drawn = [
                (x, conditions[name][measure]) for x, name in enumerate(names) if measure in conditions.get(name, {})
            ]
            values = [100 * estimate.value for _, estimate in drawn]
            bounds = [[100 * abs(bound - one.value) for bound in one.interval] for _, one in drawn]
            shifted = [x + 0.04 * (place - len(occluders) / 2) for x, _ in drawn]
            errors = [list(side) for side in zip(*bounds, strict=True)]
            axes.errorbar(
                shifted, values, errors, marker="o", ms=3, lw=1.2, capsize=2, label=occluder.replace("_", " ")
            )
        axes.set_xticks(range(len(severities) + 1), [CLEAN, *severities])
        axes.set_title(model, fontsize=HEADING)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    panels[0].set_ylabel(f"{TITLES[measure].lower()}, %")
    panels[0].set_ylim(bottom=0)
    legend(panels[0])
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
