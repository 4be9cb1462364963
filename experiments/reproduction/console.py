"""A reproduction's tables and comparisons for the terminal."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import Column, Comparison
from experiments.reproduction.paper_parts import Table as Declared
from experiments.reproduction.row_run import RowRun
from experiments.reproduction.tabulated import (
    Cell,
    Line,
    beside,
    comparison_lines,
    measured_on,
    settled_columns,
    table_lines,
)

PAPER = "paper"
NAME_WIDTH, NAME_MOST = 12, 24  # a row's name wraps, but not to a word a line where there is room
WIDTH, GAP = 120, 2
"""Of a terminal, and between two columns."""


class _Column(NamedTuple):
    """A column, with what stands beside it whatever the room: its published figures."""

    heading: Text
    cells: Sequence[Text]
    published: Sequence[Text] | None = None

    @property
    def least(self) -> int:
        """What its own cells take without a word or a figure cut in two."""
        words = (len(word) for word in self.heading.plain.split())
        figures = (len(line) for cell in self.cells for line in cell.plain.splitlines())
        return max((*words, *figures))

    @property
    def width(self) -> int:
        """What it takes with what stands beside it."""
        if self.published is None:
            return self.least
        return self.least + GAP + max(len(PAPER), *(len(figure) for figure in self.published))


def console(paper: Paper, runs: Sequence[RowRun]) -> list[Table]:
    """Return the tables, then the comparisons, as the page has them: for 120 columns, a wide one in several parts."""
    paper = settled_columns(paper, runs)
    tables = [part for one in paper.tables for part in _tables(one, table_lines(paper, one, runs))]
    return tables + [part for one in paper.comparisons for part in _compared(one, comparison_lines(paper, one, runs))]


def _tables(declared: Declared, lines: Sequence[Line]) -> list[Table]:
    published = beside(declared, lines)
    on = f"paper: on {declared.published_on}." if any(published) and declared.published_on else ""
    columns = [
        _Column(
            _heading(column),
            [_figure(line.cells[place]) for line in lines],
            [Text(line.cells[place].published) for line in lines] if published[place] else None,
        )
        for place, column in enumerate(declared.columns)
    ]
    return _in_parts(declared.title, [on, declared.note], "row", lines, columns)


def _compared(part: Comparison, lines: Sequence[Line]) -> list[Table]:
    single = "one seed cannot tell a difference from chance." if max(line.seeds for line in lines) == 1 else ""
    several = any(cell.corrected for line in lines for cell in line.cells)
    corrected = "p: Holm's, allowing for all pairs of a column." if several else ""
    columns = [
        _Column(
            _heading(column), [_figure(line.cells[place], "bold" if line.cells[place].tells else "") for line in lines]
        )
        for place, column in enumerate(part.columns)
    ]
    columns += [
        _Column(Text("seeds"), [Text(str(line.seeds)) for line in lines]),
        _Column(Text("time ratio"), [Text(line.ratio) for line in lines]),
        _Column(Text("epochs"), [Text(line.epochs) for line in lines]),
    ]
    notes = ["bold: its interval excludes 0.", corrected, single, part.note]
    return _in_parts(part.title, notes, "pair", lines, columns)


def _in_parts(
    title: str, notes: Sequence[str], named: str, lines: Sequence[Line], columns: Sequence[_Column]
) -> list[Table]:
    """Return a table, or several beneath each other where one would have to cut figures off."""
    names = [_name(line) for line in lines]
    most = max((len(name.plain) for name in names), default=0)
    room = WIDTH - 2 * GAP - min(max(most, NAME_WIDTH), NAME_MOST)
    parts = [_part(named, names, some) for some in _shared_out(columns, room)]
    for part in parts:
        part.title = Text(title if part is parts[0] else f"{title} (continued)")
    errors = [f"{line.name}: {line.missing}" for line in lines if line.missing.startswith("failed")]
    parts[-1].caption = Text("\n".join(text for text in (*notes, *errors) if text))
    return parts


def _shared_out(columns: Sequence[_Column], room: int) -> list[Sequence[_Column]]:
    """Share columns out over as few tables as there is room for, each with about as many."""
    widths = [column.width + GAP for column in columns]
    for parts in range(1, len(columns) + 1):
        ends = [len(columns) * part // parts for part in range(parts + 1)]
        slices = [slice(*ends[part : part + 2]) for part in range(parts)]
        if all(sum(widths[one]) <= room for one in slices) or parts == len(columns):
            return [columns[one] for one in slices]
    return [columns]


def _part(named: str, names: Sequence[Text], columns: Sequence[_Column]) -> Table:
    table = Table(caption_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
    table.add_column(named, min_width=NAME_WIDTH)
    shown: list[Sequence[Text]] = [names]
    for column in columns:
        table.add_column(column.heading, justify="right", min_width=column.least)
        shown.append(column.cells)
        if column.published is not None:
            table.add_column(PAPER, justify="right", style="dim", no_wrap=True)
            shown.append(column.published)
    for cells in zip(*shown, strict=True):
        table.add_row(*cells)
    return table


def _heading(column: Column) -> Text:
    return Text(f"{column.name}\n").append(measured_on(column), style="dim")


def _name(line: Line) -> Text:
    why = "failed" if "failed" in line.missing else line.missing and "not run"
    return Text(f"{line.name} ({why})" if why else line.name)


def _figure(cell: Cell, style: str = "") -> Text:
    notes = [f"(n = {cell.fewer})"] if cell.fewer else []
    notes += [f"({cell.corrected})"] if cell.corrected else []
    return Text("\n".join([cell.text, *notes]), style=style)
