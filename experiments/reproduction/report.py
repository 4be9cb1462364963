"""A reproduction as one HTML file that needs nothing else."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2 import Template as Page

from datamodules.whole_file import write_whole
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import OF_THE_SYSTEM, Comparison, PaperRow, Table
from experiments.reproduction.pictures import Picture, curve_pictures, figure_pictures, forest_pictures
from experiments.reproduction.row_run import RowRun
from experiments.reproduction.tabulated import (
    Line,
    comparison_lines,
    duration,
    finished,
    measured_on,
    settled_columns,
    table_lines,
)

TEMPLATE = Path(__file__).with_name("report.html.j2")


def write_report(paper: Paper, runs: Sequence[RowRun], path: Path, *, scale: str, command: str) -> None:
    """Write the page of a reproduction; the same runs give the same bytes.

    Args:
        paper: What it is made of.
        runs: All that were asked for, done or not.
        path: Of the page, which is whole or not there.
        scale: ``demo`` or ``paper``.
        command: That asked for it.
    """
    paper = settled_columns(paper, runs)
    parts = _parts(paper, runs)
    page = _template().render(
        _state(paper, runs),
        **parts,
        contents=[
            *((name.capitalize(), [entry[0] for entry in entries]) for name, entries in parts.items() if entries)
        ],
        paper=paper,
        scale=scale,
        command=command,
        runs=runs,
        rows=[
            (row, _changes(paper.resolved(key, scale)), own)
            for key, row in paper.rows.items()
            if (own := _of(runs, key))
        ],
    )
    write_whole(path, page)


def _template() -> Page:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,  # whatever the name: errors and options are anyone's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["measured_on"] = measured_on
    environment.tests["changed"] = lambda commit: commit.endswith("+")
    return environment.get_template(TEMPLATE.name)


def _state(paper: Paper, runs: Sequence[RowRun]) -> dict[str, Any]:
    """Return what the page's head says: how far the runs are, and of what machine and code they are."""
    started = [run for run in runs if run.status != "not run"]
    return {
        "done": finished(runs),
        "seeds": sorted({run.seed for run in runs}),
        "failed": _grouped(paper, runs, "failed"),
        "unevaluated": _unevaluated(paper, runs),
        "protocols": _counted(folder_name for run in runs for folder_name in _evaluations(run)),
        "waiting": _grouped(paper, runs, "not run"),
        "unasked": [row.name for key, row in paper.rows.items() if not _of(runs, key)],
        "commits": _counted(run.commit for run in started),
        "machines": _counted(run.hardware for run in started),
        "versions": _counted(run.versions for run in started),
    }


def _parts(paper: Paper, runs: Sequence[RowRun]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the page's sections: what is declared, then what became of it."""
    return {
        "tables": [(table, *_table(paper, table, runs)) for table in paper.tables],
        "comparisons": [(part, *_compared(paper, part, runs)) for part in paper.comparisons],
        "figures": [(figure, figure_pictures(paper, figure, runs)) for figure in paper.figures],
        "curves": [(part, curve_pictures(paper, part, runs)) for part in paper.curves],
    }


def _of(runs: Iterable[RowRun], key: str) -> list[RowRun]:
    return [run for run in runs if run.row == key]


def _grouped(paper: Paper, runs: Sequence[RowRun], status: str) -> list[tuple[str, list[int], str]]:
    """Return row, seeds and error of all runs of a status, those of one row and one error together."""
    groups: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        if run.status == status:
            groups.setdefault((run.row, run.error), []).append(run.seed)
    return [(paper.rows[key].name, seeds, error) for (key, error), seeds in groups.items()]


def _unevaluated(paper: Paper, runs: Sequence[RowRun]) -> list[tuple[str, list[int], str, str]]:
    """Return row, seeds, protocol and error of the evaluations that failed."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for run in runs:
        for protocol, error in run.unevaluated.items():
            groups.setdefault((run.row, protocol, error), []).append(run.seed)
    return [(paper.rows[key].name, seeds, name, error) for (key, name, error), seeds in groups.items()]


def _evaluations(run: RowRun) -> list[str]:
    return [Path(folder).name for folder in run.evaluations.values()]


def _counted(values: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(value for value in values if value).items())


def _table(paper: Paper, table: Table, runs: Sequence[RowRun]) -> tuple[list[Line], list[bool]]:
    """Return a table's lines and which of its columns the paper has too."""
    lines = table_lines(paper, table, runs)
    return lines, [any(line.cells[number].published for line in lines) for number in range(len(table.columns))]


def _compared(paper: Paper, part: Comparison, runs: Sequence[RowRun]) -> tuple[list[Line], list[Picture]]:
    lines = comparison_lines(paper, part, runs)
    return lines, forest_pictures(part, lines)


def _changes(row: PaperRow) -> list[str]:
    """Return what a row changes in its configuration, one key a line."""
    start = [] if row.starts_from == OF_THE_SYSTEM else [f"starts from: {row.starts_from or 'random weights'}"]
    changes = [f"{key}: {_value(value)}" for key, value in row.changes.items()]
    maps = [f"maps, {name}: {_value(settings)}" for name, settings in row.maps.items()]
    return start + changes + maps + ([f"epochs × {row.longer:g}"] if row.longer != 1 else [])


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
