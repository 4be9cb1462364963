"""A reproduction's tables and comparisons for the terminal."""

from collections.abc import Sequence

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

NAME_WIDTH = 12  # at least: figures can wrap too


def console(paper: Paper, runs: Sequence[RowRun]) -> list[Table]:
    """Return the tables, then the comparisons, as the page has them: for 120 columns."""
    paper = settled_columns(paper, runs)
    tables = [_table(declared, table_lines(paper, declared, runs)) for declared in paper.tables]
    return tables + [_comparison(part, comparison_lines(paper, part, runs)) for part in paper.comparisons]


def _table(declared: Declared, lines: Sequence[Line]) -> Table:
    published = beside(declared, lines)
    on = f"paper: on {declared.published_on}." if any(published) and declared.published_on else ""
    table = _empty(declared.title, [on, declared.note], lines)
    table.add_column("row", min_width=NAME_WIDTH)
    for column, is_published in zip(declared.columns, published, strict=True):
        table.add_column(_heading(column), justify="right", overflow="fold")
        if is_published:
            table.add_column("paper", justify="right", style="dim")
    for line in lines:
        cells = []
        for cell, is_published in zip(line.cells, published, strict=True):
            cells += [_figure(cell), Text(cell.published)] if is_published else [_figure(cell)]
        table.add_row(_name(line), *cells)
    return table


def _comparison(part: Comparison, lines: Sequence[Line]) -> Table:
    single = "one seed cannot tell a difference from chance." if max(line.seeds for line in lines) == 1 else ""
    several = any(cell.corrected for line in lines for cell in line.cells)
    corrected = "p: Holm's, allowing for all pairs of a column." if several else ""
    table = _empty(part.title, ["bold: its interval excludes 0.", corrected, single, part.note], lines)
    table.add_column("pair", min_width=NAME_WIDTH)
    headings = [*map(_heading, part.columns), *map(Text, ("seeds", "time ratio", "epochs"))]
    for heading in headings:
        table.add_column(heading, justify="right", overflow="fold")
    for line in lines:
        told = (_figure(cell, "bold" if cell.tells else "") for cell in line.cells)
        table.add_row(_name(line), *told, str(line.seeds), line.ratio, line.epochs)
    return table


def _heading(column: Column) -> Text:
    return Text(f"{column.name}\n").append(measured_on(column), style="dim")


def _empty(title: str, notes: Sequence[str], lines: Sequence[Line]) -> Table:
    errors = [f"{line.name}: {line.missing}" for line in lines if line.missing.startswith("failed")]
    caption = Text("\n".join(text for text in (*notes, *errors) if text))
    return Table(title=Text(title), caption=caption, caption_justify="left", box=SIMPLE_HEAD, collapse_padding=True)


def _name(line: Line) -> Text:
    why = "failed" if "failed" in line.missing else line.missing and "not run"
    return Text(f"{line.name} ({why})" if why else line.name)


def _figure(cell: Cell, style: str = "") -> Text:
    notes = [f"(n = {cell.fewer})"] if cell.fewer else []
    notes += [f"({cell.corrected})"] if cell.corrected else []
    return Text("\n".join([cell.text, *notes]), style=style)
