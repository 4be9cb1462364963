"""What tables and comparisons say, on the page and in the terminal alike."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.reproduction.multiple_comparisons import holm
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import Column, Comparison, Table
from experiments.reproduction.row_run import RowRun
from experiments.reproduction.summary import Estimate, cell, paired, seconds, settled

NONE = "–"
OWN = {"train": "training", "val": "validation", "test": "unseen identities"}
"""What a training measures on, by the first word of its measures."""


@dataclass(frozen=True)
class Cell:
    """One figure.

    Args:
        text: Mean and interval.
        estimate: What it was made of.
        fewer: Of how many seeds, where they are fewer than they should be, else 0.
        published: The paper's figure, empty where it has none.
        p: Of a difference among several: Holm's adjusted p-value, over the pairs of its comparison in its column.
    """

    text: str
    estimate: Estimate | None
    fewer: int = 0
    published: str = ""
    p: float | None = None

    @property
    def tells(self) -> bool:
        """Whether the interval excludes 0; one seed has none."""
        return self.estimate is not None and abs(self.estimate.mean) > self.estimate.half

    @property
    def corrected(self) -> str:
        """What is said of its p-value, empty where it has none.

        Example:
            >>> [Cell("", None, p=p).corrected for p in (0.0312, 0.0002, None)]
            ['p = 0.031', 'p < 0.001', '']
        """
        if self.p is None:
            return ""
        return f"p = {self.p:.3f}" if self.p >= 0.0005 else "p < 0.001"


@dataclass(frozen=True)
class Line:
    """A row of a table, or a pair of a comparison.

    Args:
        name: Its heading.
        cells: One for each column.
        missing: Why there are no figures, empty where there are.
        seeds: How many the figures are of, at most.
        epochs: Of a pair: trained by one and the other.
        times: Of a pair: median training time of one and the other.
        ratio: Of a pair: the first time over the second.
    """

    name: str
    cells: list[Cell]
    missing: str = ""
    seeds: int = 0
    epochs: str = NONE
    times: str = NONE
    ratio: str = NONE


def settled_columns(paper: Paper, runs: Sequence[RowRun]) -> Paper:
    """Return a paper whose columns have one measure each, for all rows of all tables and comparisons alike."""
    tables = [replace(part, columns=[settled(c, runs) for c in part.columns]) for part in paper.tables]
    comparisons = [replace(part, columns=[settled(c, runs) for c in part.columns]) for part in paper.comparisons]
    return replace(paper, tables=tables, comparisons=comparisons)


def measured_on(column: Column) -> str:
    """Return what a column with one measure was measured on: a protocol's name, or which of the data set's faces.

    Example:
        >>> measured_on(Column("scarf", ["ar/scarf/rank1"])), measured_on(Column("scarf", ["test/rank1/scarf"]))
        ('ar', 'unseen identities')
    """
    source = column.measures[0].partition("/")[0]
    return OWN.get(source, source)


def table_lines(paper: Paper, table: Table, runs: Sequence[RowRun]) -> list[Line]:
    """Return a table's rows: means over the seeds of finished runs beside the paper's figures.

    A column's figures are all of one measure, see :func:`~experiments.reproduction.summary.settled`.
    """
    done = finished(runs)
    expected = len({run.seed for run in runs})
    lines = []
    for key in table.rows:
        published = table.published.get(key, [None] * len(table.columns))
        cells = [
            _cell(cell(done, key, column), column, expected, published=figure)
            for column, figure in zip(table.columns, published, strict=True)
        ]
        seeds = max((item.estimate.seeds for item in cells if item.estimate), default=0)
        lines.append(Line(paper.rows[key].name, cells, missing(runs, key), seeds))
    return lines


def beside(table: Table, lines: Sequence[Line]) -> list[bool]:
    """Return which of a table's columns the paper has too."""
    return [any(line.cells[number].published for line in lines) for number in range(len(table.columns))]


def comparison_lines(paper: Paper, comparison: Comparison, runs: Sequence[RowRun]) -> list[Line]:
    """Return a comparison's pairs: mean differences over the seeds that both rows have finished, of one measure."""
    done = finished(runs)
    lines = []
    for one, other in comparison.pairs:
        names = [paper.rows[key].name for key in (one, other)]
        why = [f"{paper.rows[key].name}: {reason}" for key in (one, other) if (reason := missing(runs, key))]
        found = [paired(done, one, other, column) for column in comparison.columns]
        seeds = max((difference.seeds for difference in found if difference), default=0)
        cells = [_cell(*pair, seeds, signed=True) for pair in zip(found, comparison.columns, strict=True)]
        lines.append(Line(" − ".join(names), cells, "; ".join(why), seeds, *(() if why else _budget(done, one, other))))
    return _corrected(lines)


def _corrected(lines: Sequence[Line]) -> list[Line]:
    """Return pairs with p-values that allow for the number of pairs, column by column."""
    columns = [_adjusted(column) for column in zip(*(line.cells for line in lines), strict=True)]
    return [replace(line, cells=[column[place] for column in columns]) for place, line in enumerate(lines)]


def _adjusted(cells: Sequence[Cell]) -> list[Cell]:
    """Return a column's differences with Holm's p-values, where there are several."""
    found = [math.nan if cell.estimate is None else cell.estimate.p for cell in cells]
    tested = [place for place, p in enumerate(found) if not math.isnan(p)]
    if len(tested) < 2:
        return list(cells)
    adjusted = dict(zip(tested, holm([found[place] for place in tested]), strict=True))
    return [replace(cell, p=adjusted.get(place)) for place, cell in enumerate(cells)]


def _cell(
    found: Estimate | None, column: Column, expected: int, *, signed: bool = False, published: float | None = None
) -> Cell:
    text = NONE if found is None else found.text(column.digits, signed=signed)
    fewer = found.seeds if found is not None and found.seeds < expected else 0
    return Cell(text, found, fewer, "" if published is None else f"{published:g}")


def finished(runs: Sequence[RowRun]) -> list[RowRun]:
    """Return the runs that have figures."""
    return [run for run in runs if run.status == "done"]


def missing(runs: Sequence[RowRun], key: str) -> str:
    """Return why a row has no figures, empty where a seed of it is done."""
    own = [run for run in runs if run.row == key]
    errors = [run.error for run in own if run.status == "failed"]
    if finished(own):
        return ""
    return f"failed: {errors[0]}" if errors else "not run"


def duration(time: float) -> str:
    """Return seconds in the unit that one would say them in.

    Example:
        >>> duration(95), duration(740), duration(12_600)
        ('95 s', '12.3 min', '3.5 h')
    """
    unit, name = unit_of(time)
    return f"{time / unit:.{0 if name == 's' else 1}f} {name}"


def unit_of(time: float) -> tuple[float, str]:
    """Return the seconds of a unit that one would say a time in, and its name."""
    units = ((7200, 3600.0, "h"), (120, 60.0, "min"))
    return next(((unit, name) for least, unit, name in units if time >= least), (1.0, "s"))


def _budget(done: Sequence[RowRun], one: str, other: str) -> tuple[str, str, str]:
    epochs = [statistics.median(len(run.history) for run in done if run.row == key) for key in (one, other)]
    times = [seconds(done, key) or 0.0 for key in (one, other)]
    ratio = f"{times[0] / times[1]:.2f}" if times[1] else NONE
    return " / ".join(f"{count:g}" for count in epochs), " / ".join(map(duration, times)), ratio
