"""A reproduction as one HTML file that needs nothing else."""

import json
import mimetypes
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2 import Template as Page

from datamodules.whole_file import write_whole
from experiments.reproduction.declaration import Comparison, Curves, Declaration, Figure, Row, Table
from experiments.reproduction.parts import EVALUATION
from experiments.reproduction.plots import History, curves, forest
from experiments.reproduction.records import Run
from experiments.reproduction.tabulated import (
    Cell,
    Line,
    comparison_lines,
    duration,
    finished,
    measured_on,
    settled_columns,
    table_lines,
)

TEMPLATE = Path(__file__).with_name("report.html.j2")


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


def write_report(declaration: Declaration, runs: Sequence[Run], path: Path, *, scale: str, command: str) -> None:
    """Write the page of a reproduction; the same runs give the same bytes.

    Args:
        declaration: What it is made of.
        runs: All that were asked for, done or not.
        path: Of the page, which is whole or not there.
        scale: ``demo`` or ``paper``.
        command: That asked for it.
    """
    declaration = settled_columns(declaration, runs)
    parts = _parts(declaration, runs)
    page = _template().render(
        _state(declaration, runs),
        **parts,
        contents=[
            *((name.capitalize(), [entry[0] for entry in entries]) for name, entries in parts.items() if entries)
        ],
        declaration=declaration,
        scale=scale,
        command=command,
        runs=runs,
        rows=[
            (row, _options(declaration.resolved(key, scale)), own)
            for key, row in declaration.rows.items()
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


def _state(declaration: Declaration, runs: Sequence[Run]) -> dict[str, Any]:
    """Return what the page's head says: how far the runs are, and of what machine and code they are."""
    started = [run for run in runs if run.status != "not run"]
    return {
        "done": finished(runs),
        "seeds": sorted({run.seed for run in runs}),
        "failed": _grouped(declaration, runs, "failed"),
        "unevaluated": _unevaluated(declaration, runs),
        "protocols": _counted(folder_name for run in runs for folder_name in _evaluations(run)),
        "waiting": _grouped(declaration, runs, "not run"),
        "unasked": [row.name for key, row in declaration.rows.items() if not _of(runs, key)],
        "commits": _counted(run.commit for run in started),
        "machines": _counted(run.hardware for run in started),
        "versions": _counted(run.versions for run in started),
    }


def _parts(declaration: Declaration, runs: Sequence[Run]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the page's sections: what is declared, then what became of it."""
    return {
        "tables": [(table, *_table(declaration, table, runs)) for table in declaration.tables],
        "comparisons": [(part, *_compared(declaration, part, runs)) for part in declaration.comparisons],
        "figures": [(figure, _pictures(declaration, figure, runs)) for figure in declaration.figures],
        "curves": [(part, _curves(declaration, part, runs)) for part in declaration.curves],
    }


def _of(runs: Iterable[Run], key: str) -> list[Run]:
    return [run for run in runs if run.row == key]


def _grouped(declaration: Declaration, runs: Sequence[Run], status: str) -> list[tuple[str, list[int], str]]:
    """Return row, seeds and error of all runs of a status, those of one row and one error together."""
    groups: dict[tuple[str, str], list[int]] = {}
    for run in runs:
        if run.status == status:
            groups.setdefault((run.row, run.error), []).append(run.seed)
    return [(declaration.rows[key].name, seeds, error) for (key, error), seeds in groups.items()]


def _unevaluated(declaration: Declaration, runs: Sequence[Run]) -> list[tuple[str, list[int], str, str]]:
    """Return row, seeds, protocol and error of the evaluations that failed."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for run in runs:
        for protocol, error in run.unevaluated.items():
            groups.setdefault((run.row, protocol, error), []).append(run.seed)
    return [(declaration.rows[key].name, seeds, name, error) for (key, name, error), seeds in groups.items()]


def _evaluations(run: Run) -> list[str]:
    return [Path(folder).name for folder in run.evaluations.values()]


def _counted(values: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(value for value in values if value).items())


def _table(declaration: Declaration, table: Table, runs: Sequence[Run]) -> tuple[list[Line], list[bool]]:
    """Return a table's lines and which of its columns the paper has too."""
    lines = table_lines(declaration, table, runs)
    return lines, [any(line.cells[number].published for line in lines) for number in range(len(table.columns))]


def _compared(declaration: Declaration, part: Comparison, runs: Sequence[Run]) -> tuple[list[Line], list[Picture]]:
    lines = comparison_lines(declaration, part, runs)
    plots = []
    for number, column in enumerate(part.columns):
        cells = {line.name: line.cells[number] for line in lines if line.cells[number].estimate}
        if cells:
            plots.append(_plot(forest(cells), f"Differences in {column.name}: {_spoken(cells)}", column.name))
    return lines, plots


def _spoken(cells: Mapping[str, Cell]) -> str:
    return "; ".join(f"{name} {found.text}" for name, found in cells.items())


def _pictures(declaration: Declaration, figure: Figure, runs: Sequence[Run]) -> list[Picture]:
    """Return the pictures of each row's first finished run that has any; one without a source is of a row without."""
    shown: list[Picture] = []
    for key in figure.rows:
        name = declaration.rows[key].name
        found = ((run.seed, _drawn(figure.file, run)) for run in finished(_of(runs, key)))
        seed, drawn = next(((seed, drawn) for seed, drawn in found if drawn), (None, []))
        for path, protocol in drawn:
            caption = ", ".join([f"{name}, seed {seed}", *([protocol] if protocol else [])])
            shown.append(Picture(_data(path), f"{figure.title}: {name}, {path.stem}", caption))
        shown += [] if drawn else [Picture("", "", f"{name}: no run has {figure.file}")]
    return shown


def _drawn(file: str, run: Run) -> list[tuple[Path, str]]:
    """Return a run's pictures, each with the protocol whose evaluation has drawn it, empty for the training's."""
    folder = Path(run.folder)
    if EVALUATION not in Template(file).get_identifiers():
        return [(path, "") for path in sorted(folder.glob(file))]
    pattern = Template(file).substitute({EVALUATION: "."})
    return [
        (path, path.parent.name) for place in run.evaluations.values() for path in sorted(Path(place).glob(pattern))
    ]


def _curves(declaration: Declaration, part: Curves, runs: Sequence[Run]) -> list[Picture]:
    histories: dict[str, list[History]] = {}
    for key in part.rows:
        own = [run.history for run in finished(_of(runs, key)) if any(part.measure in e for e in run.history)]
        if own:
            histories[declaration.rows[key].name] = own  # type: ignore[assignment]  # a list of dicts is one of mappings
    if not histories:
        return []
    axes = (("epoch", "against epochs"), ("seconds", "against training time"))
    return [_plot(curves(histories, part.measure, axis), f"{part.measure} {text}", text) for axis, text in axes]


def _options(row: Row) -> list[str]:
    """Return what a row changes in its configuration, one key a line."""
    longer = [f"epochs × {row.longer:g}"] if row.longer != 1 else []
    return [f"{key}: {_value(value)}" for key, value in row.options.items()] + longer


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plot(svg: bytes, text: str, caption: str) -> Picture:
    return Picture(f"data:image/svg+xml;base64,{b64encode(svg).decode()}", text, caption)


def _data(path: Path) -> str:
    return f"data:{mimetypes.guess_type(path)[0]};base64,{b64encode(path.read_bytes()).decode()}"
