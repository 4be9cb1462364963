"""Rows of a part of the check of a card: what was measured, or why not; and the Markdown tables of them."""

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from experiments.cli.user_errors import said

Row = dict[str, Any]
NOTE = "note"
"""Column of what went wrong."""
NO_TIME = "left out: no time"


class NoTimeError(BaseException):
    """The time of a part is up; no code that is measured may take it for an error of its own."""


class PartRows:
    """Rows that are measured one after the other until the time is up; one that fails costs no other.

    Args:
        limit: Seconds after which none is begun.
        save: Called after each row: what is measured then is not lost, whatever happens to the process.
        chosen: Measure only rows whose names have one of these words, all without any.

    Example:
        >>> rows = PartRows(60)
        >>> rows.add({"size": 2}, lambda: {"rate": 5.0})
        >>> rows.add({"size": 3}, lambda: {"rate": 1 / 0})
        >>> rows.rows
        [{'size': 2, 'rate': 5.0}, {'size': 3, 'note': 'ZeroDivisionError: division by zero'}]
    """

    def __init__(self, limit: float, save: Callable[[], None] = lambda: None, chosen: Sequence[str] = ()) -> None:
        self.rows: list[Row] = []
        self._save = save
        self._chosen = chosen
        self._end = time.monotonic() + limit

    @property
    def seconds_left(self) -> float:
        """Until no row is begun any more."""
        return self._end - time.monotonic()

    @property
    def failed(self) -> int:
        """How many rows have a note."""
        return sum(NOTE in row for row in self.rows)

    def add(self, name: Mapping[str, Any], measure: Callable[[], Mapping[str, Any]], *, needed: bool = False) -> None:
        """Measure a row, called ``name``, if it is chosen or ``needed`` by others."""
        if needed or self._is_chosen(name):
            self._add_all(name, lambda: [{**name, **measure()}])

    def add_all(self, name: Mapping[str, Any], measure: Callable[[], Sequence[Row]]) -> None:
        """Measure several rows at once, which have names of their own; ``name`` stands for all where they fail."""
        if self._is_chosen(name):
            self._add_all(name, measure)

    def _is_chosen(self, name: Mapping[str, Any]) -> bool:
        """Whether a row, as in ``soidn, channels last, 64``, has one of the words."""
        text = ", ".join(map(str, name.values()))
        return not self._chosen or any(word in text for word in self._chosen)

    def _add_all(self, name: Mapping[str, Any], measure: Callable[[], Sequence[Row]]) -> None:
        if self.seconds_left <= 0:
            self.record({**name, NOTE: NO_TIME})
            return
        try:
            rows = measure()
            json.dumps(rows, allow_nan=False)  # what is no number has failed too
        except (Exception, NoTimeError) as error:  # whatever a card or a library may raise: the other rows stand
            rows = [{**name, NOTE: said(error)}]
        for row in rows:
            self.record(row)

    def record(self, row: Row) -> None:
        """Add a row that is measured already."""
        self.rows.append(row)
        self._save()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Interrupt the row under way when the time is up; its process must be the main thread's alone."""

        def interrupt(number: int, frame: FrameType | None) -> NoReturn:
            raise NoTimeError("interrupted: no time")

        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, max(self.seconds_left, 0.001))
        try:
            yield
        except (Exception, NoTimeError) as error:  # between two rows, which stand
            self.record({"what": "the rest", NOTE: said(error)})
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def table(results: Sequence[Mapping[str, Any]], command: str) -> str:
    """Return a heading that says what computed, and a table for each part.

    Args:
        results: Of the parts, as :mod:`experiments.benchmarks.gpu_parts` writes them.
        command: That measured them.
    """
    if not results:
        return "Nothing was measured.\n"
    computed = sorted({f"{one['card']}, {one['machine']}; commit {one['commit']}" for one in results})
    ends = {True: "in all", False: "until its last row; then it was killed"}
    parts = [
        f"### {one['title']}\n\n{_rows(one['rows'])}\n\n{one['seconds']:g} s {ends[one['complete']]}" for one in results
    ]
    return "\n\n".join(["; ".join(computed), f"`{command}`", *parts]) + "\n"


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    r"""Return rows under all their columns.

    Example:
        >>> print(_rows([{"what": "a", "images/s": 1234.5}, {"what": "b", "note": "out of | memory"}]))
        | what | images/s | note |
        |---|---|---|
        | a | 1,234 | |
        | b | | out of \| memory |
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([cell(row.get(column)) for column in columns] for row in rows)]
    head, *body = ("|" + "".join(f" {text} |" if text else " |" for text in line) for line in lines)
    return "\n".join([head, "|" + "---|" * len(columns), *body])


def cell(value: object) -> str:
    """Return a value as people read it.

    Example:
        >>> [cell(value) for value in (None, 8192, 1234.5, 0.45678, 1.5e-7, "bf16")]
        ['', '8,192', '1,234', '0.457', '1.5e-07', 'bf16']
    """
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value).replace("|", "\\|")
