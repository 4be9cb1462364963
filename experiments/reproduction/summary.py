"""Means, intervals and paired differences over seeds."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from scipy.stats import t as student_t

from experiments.reproduction.paper_parts import Column
from experiments.reproduction.row_run import RowRun


class Estimate(NamedTuple):
    """A mean over seeds."""

    mean: float
    half: float
    """Half-width of the 95 % Student interval, NaN for one seed."""
    seeds: int

    @property
    def p(self) -> float:
        """Two-sided p-value of Student's test that the mean is 0; NaN for one seed, 1 where all values are 0.

        Example:
            >>> round(Estimate(2.0, 2.484, 3).p, 4)  # 1, 2 and 3
            0.0742
        """
        if self.seeds < 2 or self.mean == self.half == 0:
            return math.nan if self.seeds < 2 else 1.0
        freedom = self.seeds - 1
        error = self.half / float(student_t.ppf(0.975, freedom))
        return 2 * float(student_t.sf(abs(self.mean) / error, freedom)) if error else 0.0

    def text(self, digits: int = 1, *, signed: bool = False) -> str:
        """Return it as in a table.

        Example:
            >>> Estimate(1.234, 0.56, 3).text(), Estimate(1.234, 0.56, 3).text(2, signed=True)
            ('1.2 ± 0.6', '+1.23 ± 0.56')
            >>> Estimate(-1.234, math.nan, 1).text(signed=True)
            '−1.2'
        """
        mean = f"{self.mean:{'+' if signed else ''}.{digits}f}".replace("-", "−")
        return mean if math.isnan(self.half) else f"{mean} ± {self.half:.{digits}f}"


def estimate(values: Sequence[float]) -> Estimate | None:
    """Return mean and 95 % Student interval of values, ``None`` for none.

    Example:
        >>> estimate([1.0, 2.0, 3.0]).text(3)
        '2.000 ± 2.484'
    """
    count = len(values)
    if count < 2:
        return Estimate(values[0], math.nan, 1) if values else None
    half = float(student_t.ppf(0.975, count - 1)) * statistics.stdev(values) / math.sqrt(count)
    return Estimate(statistics.fmean(values), half, count)


def measured(run: RowRun, column: Column) -> float | None:
    """Return a column's figure of a run.

    Raises:
        ValueError: If the column has several measures still: which one counts is the report's, not a run's.
    """
    (name,) = column.measures
    value, less = run.measures.get(name), run.measures.get(column.minus) if column.minus else 0.0
    return None if value is None or less is None else column.factor * (value - less)


def settled(column: Column, runs: Iterable[RowRun]) -> Column:
    """Return a column with the one measure that all rows are shown by: the first that any finished run has."""
    found = {name for run in runs if run.status == "done" for name in run.measures}
    chosen = next((name for name in column.measures if name in found), column.measures[0])
    return replace(column, measures=[chosen])


def cell(runs: Sequence[RowRun], row: str, column: Column) -> Estimate | None:
    """Return a row's mean over seeds, by the measure that all rows are shown by."""
    column = settled(column, runs)
    values = (measured(run, column) for run in runs if run.row == row)
    return estimate([value for value in values if value is not None])


def paired(runs: Sequence[RowRun], one: str, other: str, column: Column) -> Estimate | None:
    """Return the mean over seeds of a row's difference to another of the same seed.

    By one measure of both, or by another of the other row, the column's ``minus``.
    """
    ours = replace(settled(column, runs), minus="")
    theirs = replace(ours, measures=[column.minus]) if column.minus else ours
    values, others = (
        {run.seed: measured(run, of) for run in runs if run.row == row} for row, of in ((one, ours), (other, theirs))
    )
    both = [(value, others.get(seed)) for seed, value in values.items()]
    return estimate([a - b for a, b in both if a is not None and b is not None])


def seconds(runs: Iterable[RowRun], row: str) -> float | None:
    """Return the median training time of a row."""
    times = [run.seconds for run in runs if run.row == row and run.status == "done"]
    return statistics.median(times) if times else None
