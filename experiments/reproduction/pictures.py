"""The pictures of a report: plots of its own, and those that runs have drawn."""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from string import Template

from experiments.reproduction.html_page import data_address
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import EVALUATION, Comparison, Curves, Figure
from experiments.reproduction.plots import History, curves, forest
from experiments.reproduction.row_run import RowRun
from experiments.reproduction.tabulated import Line, finished


@dataclass(frozen=True)
class Picture:
    """An image in the page itself.

    Args:
        source: A ``data:`` address.
        text: What stands in its place for those who do not see it.
        caption: Below it.
    """

    source: str
    text: str
    caption: str


def forest_pictures(part: Comparison, lines: Sequence[Line]) -> list[Picture]:
    """Return a plot of the differences for each column that has any."""
    plots = []
    for number, column in enumerate(part.columns):
        cells = {line.name: line.cells[number] for line in lines if line.cells[number].estimate}
        if cells:
            spoken = "; ".join(f"{name} {found.text}" for name, found in cells.items())
            plots.append(_plot(forest(cells), f"Differences in {column.name}: {spoken}", column.name))
    return plots


def figure_pictures(paper: Paper, figure: Figure, runs: Sequence[RowRun]) -> list[Picture]:
    """Return the pictures of each row's first finished run that has any; one without a source is of a row without."""
    shown: list[Picture] = []
    for key in figure.rows:
        name = paper.rows[key].name
        found = ((run.seed, _drawn(figure.file, run)) for run in _of(runs, key))
        seed, drawn = next(((seed, drawn) for seed, drawn in found if drawn), (None, []))
        for path, protocol in drawn:
            caption = ", ".join([f"{name}, seed {seed}", *([protocol] if protocol else [])])
            source = data_address(path.read_bytes(), mimetypes.guess_type(path)[0])
            shown.append(Picture(source, f"{figure.title}: {name}, {path.stem}", caption))
        shown += [] if drawn else [Picture("", "", f"{name}: no run has {figure.file}")]
    return shown


def _drawn(file: str, run: RowRun) -> list[tuple[Path, str]]:
    """Return a run's pictures, each with the protocol whose evaluation has drawn it, empty for others."""
    if EVALUATION not in Template(file).get_identifiers():
        return [(path, "") for folder in run.folders() for path in sorted(folder.glob(file))]
    pattern = Template(file).substitute({EVALUATION: "."})
    return [
        (path, path.parent.name) for place in run.evaluations.values() for path in sorted(Path(place).glob(pattern))
    ]


def curve_pictures(paper: Paper, part: Curves, runs: Sequence[RowRun]) -> list[Picture]:
    """Return plots of a measure over training, where a finished run has logged it."""
    histories: dict[str, list[History]] = {}
    for key in part.rows:
        own = [run.history for run in _of(runs, key) if any(part.measure in epoch for epoch in run.history)]
        if own:
            histories[paper.rows[key].name] = own  # type: ignore[assignment]  # a list of dicts is one of mappings
    if not histories:
        return []
    axes = (("epoch", "against epochs"), ("seconds", "against training time"))
    spoken = "; ".join(f"{name} {_course(own, part.measure)}" for name, own in histories.items())
    return [
        _plot(curves(histories, part.measure, axis), f"{part.measure} {text}: {spoken}", text) for axis, text in axes
    ]


def _course(histories: Sequence[History], measure: str) -> str:
    """Return where the curves of a row's seeds begin and end, on average, in words."""
    seeds = [[epoch[measure] for epoch in history if measure in epoch] for history in histories]
    first, last = (fmean(values[end] for values in seeds) for end in (0, -1))
    return f"from {first:.3g} to {last:.3g}"


def _of(runs: Sequence[RowRun], key: str) -> list[RowRun]:
    return [run for run in finished(runs) if run.row == key]


def _plot(svg: bytes, text: str, caption: str) -> Picture:
    return Picture(data_address(svg, "image/svg+xml"), text, caption)
