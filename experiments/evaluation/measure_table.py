"""A protocol's measures for people: a table of conditions and measures by models."""

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from callbacks.recognition.measure_names import A_PAIR, A_PROBE, COUNTS, EXACT, HIGH, LOW, SPREAD, stands_beside

CAPTION = "rates in %, [ ]: 95 % intervals; –: not measurable, as rates below 1 / impostors, or not bounded"


def measure_table(protocol: str, results: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> Table:
    """Return the table.

    Args:
        protocol: Its name.
        results: Measures by model and condition, ``None`` where one is not measurable.
    """
    table = Table(title=protocol, box=SIMPLE_HEAD, collapse_padding=True, caption=CAPTION)
    for heading in ("condition", "measure"):
        table.add_column(heading)
    for model in results:
        table.add_column(model, justify="right")
    for condition in dict.fromkeys(c for found in results.values() for c in found):
        columns = [found.get(condition, {}) for found in results.values()]
        measures = [m for m in dict.fromkeys(m for values in columns for m in values) if not stands_beside(m)]
        for measure in measures:
            first, last = measure == measures[0], measure == measures[-1]
            cells = (_cell(values, measure) for values in columns)
            table.add_row(condition if first else "", measure.replace("_", " "), *cells, end_section=last)
    return table


def _cell(values: Mapping[str, float | None], measure: str) -> str:
    value = values.get(measure)
    if value is None:
        return "–" if measure in values else ""
    if measure in COUNTS:
        return f"{value:,.0f}"
    if measure.endswith("decidability") or measure in (A_PAIR, A_PROBE):
        return f"{value:.2f}"
    exact = measure.startswith(EXACT)
    spread = values.get(measure + SPREAD)
    said = _number(value, exact) + (f" ± {_number(spread, exact)}" if spread is not None else "")
    if measure + LOW in values:
        said += f" [{_number(values[measure + LOW], exact)}, {_number(values[measure + HIGH], exact)}]"
    return said


def _number(value: float | None, exact: bool) -> str:
    """Return a score as it is, a rate in %."""
    if value is None:
        return "–"
    return f"{value:.4f}" if exact else f"{100 * value:.2f}"
