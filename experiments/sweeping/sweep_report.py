"""What a sweep found: a table of its trials, the best value, and a picture of the metric against each parameter."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from callbacks.figures.style import legend, plots
from callbacks.run_files import save_figure
from experiments.cli.shown_table import show_table
from experiments.cli.user_errors import UserError
from experiments.sweeping.local import FOLDER, SweepTrial
from experiments.sweeping.sweep_file import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 20  # largest value by smallest, from which on values are taken as spaced by factors


def report(wanted: Sweep, trials: Sequence[SweepTrial]) -> None:
    """Print the table and the best value, and draw the response curve."""
    good = [trial for trial in trials if trial.result is not None]
    if not good:
        reason = f", the first: {trials[0].note}" if trials else ""
        raise UserError(f"{wanted.path}: all {len(trials)} trials failed{reason}")
    names = short_names(wanted)
    table = Table("trial", *names.values(), wanted.metric, title=f"Sweep {wanted.name}", box=SIMPLE_HEAD)
    for trial in trials:
        result = f"{trial.result:.4f}" if trial.result is not None else f"failed: {trial.note}"
        table.add_row(str(trial.number), *(_text(trial.values[name]) for name in names), result)
    show_table(table)
    best = best_trial(wanted, good)
    values = ", ".join(f"{short} = {_text(best.values[name])}" for name, short in names.items())
    print(f"Best: {values} ({wanted.metric} {best.result:.4f}, trial {best.number})")
    picture = FOLDER / wanted.name / "response.png"
    draw_response(wanted, good, picture)
    print(f"Response curve: {picture}")


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def draw_response(sweep: Sweep, trials: Sequence[SweepTrial], path: Path) -> None:
    """Draw the metric against every swept parameter, a panel each, the best trial marked.

    A line joins the means of a grid's values. Numbers that span more than a factor of 20 are on a
    logarithmic axis, with 0 where there is one.
    """
    good = [trial for trial in trials if trial.result is not None]
    best = best_trial(sweep, good)
    names = short_names(sweep)
    figure, panels = plots(1, len(names), width=4.8 * len(names), height=3.6, sharey="all")
    for axes, (name, short) in zip(panels, names.items(), strict=True):
        places = _places(axes, [trial.values[name] for trial in good])
        results = [_result(trial) for trial in good]
        axes.plot(places, results, "o", color="C0")
        if sweep.method == "grid":
            axes.plot(*_means(places, results), color="C0", alpha=0.6)
        at = places[good.index(best)]
        axes.plot([at], [_result(best)], "o", ms=11, mfc="none", mec="C3", mew=1.8, label="best trial")
        axes.set_xlabel(short)
    panels[0].set_ylabel(sweep.metric)
    legend(panels[0])
    save_figure(figure, path)


def best_trial(sweep: Sweep, good: Sequence[SweepTrial]) -> SweepTrial:
    """Return the best of trials that all have a result."""
    return (max if sweep.goal == "maximize" else min)(good, key=_result)


def short_names(sweep: Sweep) -> dict[str, str]:
    """Return the swept parameters' last words, or their whole names where those are the same."""
    last = {name: name.rpartition(".")[2] for name in sweep.space}
    return last if len(set(last.values())) == len(last) else {name: name for name in last}


def _result(trial: SweepTrial) -> float:
    assert trial.result is not None  # noqa: S101  the failed ones are left out
    return trial.result


def _places(axes: "Axes", values: Sequence[Any]) -> list[float]:
    """Return where values lie on the horizontal axis, after scaling or labelling it for them."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        _scale(axes, sorted(set(values)))
        return list(values)
    labels = sorted({str(value) for value in values})
    axes.set_xticks(range(len(labels)), labels)
    axes.margins(x=0.15)
    return [labels.index(str(value)) for value in values]


def _scale(axes: "Axes", values: Sequence[float]) -> None:
    positive = [value for value in values if value > 0]
    if values[0] < 0 or len(positive) < 2 or positive[-1] < WIDE * positive[0]:
        return
    if values[0] > 0:
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
    if len(values) <= 8:
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()


def _means(places: Sequence[float], results: Sequence[float]) -> tuple[list[float], list[float]]:
    by_place: dict[float, list[float]] = {}
    for place, result in sorted(zip(places, results, strict=True)):
        by_place.setdefault(place, []).append(result)
    return list(by_place), [statistics.fmean(found) for found in by_place.values()]
