"""A reproduction as one HTML file that needs nothing else."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Template as Page

from datamodules.whole_file import write_whole
from experiments.reproduction.html_page import page_environment
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import OF_THE_SYSTEM, PaperRow
from experiments.reproduction.pictures import curve_pictures, figure_pictures, forest_pictures
from experiments.reproduction.row_run import RowRun
from experiments.reproduction.tabulated import (
    beside,
    comparison_lines,
    duration,
    finished,
    measured_on,
    settled_columns,
    table_lines,
)

TEMPLATE = Path(__file__).with_name("report.html.j2")


def write_report(paper: Paper, runs: Sequence[RowRun], path: Path, *, scale: str, command: str) -> None:
    """Write the page of a reproduction; the same runs give the same bytes."""
    paper = settled_columns(paper, runs)
    parts: dict[str, list[tuple[Any, ...]]] = {
        "tables": [(part, of := table_lines(paper, part, runs), beside(part, of)) for part in paper.tables],
        "comparisons": [
            (part, of := comparison_lines(paper, part, runs), forest_pictures(part, of)) for part in paper.comparisons
        ],
        "figures": [(figure, figure_pictures(paper, figure, runs)) for figure in paper.figures],
        "curves": [(part, curve_pictures(paper, part, runs)) for part in paper.curves],
    }
    page = _template().render(
        _state(paper, runs),
        **parts,
        contents=[(name.capitalize(), [entry[0] for entry in entries]) for name, entries in parts.items() if entries],
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
    environment = page_environment(TEMPLATE.parent)
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
        "failed": _grouped(paper, ((run, run.error) for run in runs if run.status == "failed")),
        "unevaluated": _grouped(paper, ((run, *why) for run in runs for why in run.unevaluated.items())),
        "protocols": _counted(Path(folder).name for run in runs for folder in run.evaluations.values()),
        "waiting": _grouped(paper, ((run, run.error) for run in runs if run.status == "not run")),
        "unasked": [row.name for key, row in paper.rows.items() if not _of(runs, key)],
        "commits": _counted(run.commit for run in started),
        "machines": _counted(run.hardware for run in started),
        "versions": _counted(run.versions for run in started),
    }


def _of(runs: Iterable[RowRun], key: str) -> list[RowRun]:
    return [run for run in runs if run.row == key]


def _grouped(paper: Paper, told: Iterable[tuple[RowRun, *tuple[str, ...]]]) -> list[tuple[Any, ...]]:
    """Return row and seeds, and why: of runs and reasons, those of one row and one reason together."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for run, *why in told:
        groups.setdefault((run.row, *why), []).append(run.seed)
    return [(paper.rows[key].name, seeds, *why) for (key, *why), seeds in groups.items()]


def _counted(values: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(value for value in values if value).items())


def _changes(row: PaperRow) -> list[str]:
    """Return what a row changes in its configuration, one key a line."""
    start = [] if row.starts_from == OF_THE_SYSTEM else [f"starts from: {row.starts_from or 'random weights'}"]
    changes = [f"{key}: {_value(value)}" for key, value in row.changes.items()]
    maps = [f"maps, {name}: {_value(settings)}" for name, settings in row.maps.items()]
    return start + changes + maps + ([f"epochs × {row.longer:g}"] if row.longer != 1 else [])


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
