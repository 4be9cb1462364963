"""The results of the check of a card as Markdown tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(results: Sequence[Mapping[str, Any]], command: str) -> str:
    """Return a heading that says what computed, and a table for each part.

    Args:
        results: Of the parts, as :mod:`experiments.benchmarks.gpu_parts` writes them.
        command: That measured them.
    """
    if not results:
        return "Nothing was measured.\n"
    computed = sorted({f"{one['card']}, {one['machine']}; commit {one['commit']}" for one in results})
    parts = [f"### {one['title']}\n\n{_rows(one['rows'])}\n\n{_time(one)}" for one in results]
    return "\n\n".join(["; ".join(computed), f"`{command}`", *parts]) + "\n"


def _time(one: Mapping[str, Any]) -> str:
    return f"{one['seconds']:g} s {'in all' if one['complete'] else 'until its last row; then it was killed'}"


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
    head, *body = (_line(line) for line in lines)
    return "\n".join([head, "|" + "---|" * len(columns), *body])


def _line(cells: Iterable[str]) -> str:
    return "|" + "".join(f" {text} |" if text else " |" for text in cells)


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
