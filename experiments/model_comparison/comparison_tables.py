"""The tables of a comparison: models by conditions, each figure with its interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from experiments.model_comparison.condition_scores import RateEstimate

CLEAN = "clean"
NONE = "–"
Estimates = Mapping[str, Mapping[str, Mapping[str, RateEstimate]]]
"""Model → condition → measure; the condition ``clean``, or ``<occluder>/<severity>``."""
TITLES = {
    "frr": "False reject rate at the threshold",
    "far": "False accept rate at the threshold",
    "eer": "Equal error rate",
    "accuracy": "Accuracy over folds",
}


class Figure(NamedTuple):
    """One figure of a table."""

    text: str
    interval: str = ""
    tells: bool = False
    """Of a difference: its interval excludes 0."""


class ComparisonTable(NamedTuple):
    """Models by conditions."""

    title: str
    columns: list[str]
    rows: list[tuple[str, list[Figure]]]


def tables(found: Estimates, measures: Sequence[str], severity: str) -> list[ComparisonTable]:
    """Return a table for each measure: clean faces, and every occluder at a severity, in %."""
    conditions = [CLEAN, *_occluders(found, severity)]
    return [
        _table(TITLES[measure], conditions, [(name, _row(found[name], conditions, measure)) for name in found])
        for measure in measures
    ]


def costs(found: Estimates, measures: Sequence[str], severity: str) -> list[ComparisonTable]:
    """Return what each occluder changes for each model: the same pairs, covered less clean."""
    conditions = _occluders(found, severity)

    def row(model: Mapping[str, Mapping[str, RateEstimate]], measure: str) -> list[Figure]:
        clean = model.get(CLEAN, {}).get(measure)
        return [_difference(model.get(one, {}).get(measure), clean) for one in conditions]

    return [
        _table(TITLES[measure], conditions, [(name, row(found[name], measure)) for name in found])
        for measure in measures
    ]


def differences(found: Estimates, measures: Sequence[str], severity: str) -> list[ComparisonTable]:
    """Return how models differ from the first of them on the same pairs; none where there is one model.

    Matched comparison by several views differs from that of these views without masks, too.
    """
    conditions = [CLEAN, *_occluders(found, severity)]

    def row(one: str, other: str, measure: str) -> list[Figure]:
        pairs = [[found[name].get(condition, {}).get(measure) for name in (one, other)] for condition in conditions]
        return [_difference(*pair) for pair in pairs]

    compared = _compared(list(found))
    return [
        _table(TITLES[measure], conditions, [(f"{one} − {other}", row(one, other, measure)) for one, other in compared])
        for measure in measures
        if compared
    ]


def _compared(names: Sequence[str]) -> list[tuple[str, str]]:
    first, *others = names
    without = {name: name.partition(", matched by ")[0] for name in others}
    return [
        *((name, first) for name in others),
        *((name, base) for name, base in without.items() if base in others and base != name),
    ]


def _occluders(found: Estimates, severity: str) -> list[str]:
    named = dict.fromkeys(condition for model in found.values() for condition in model)
    return [condition for condition in named if condition.endswith(f"/{severity}")]


def _table(title: str, conditions: Sequence[str], rows: list[tuple[str, list[Figure]]]) -> ComparisonTable:
    return ComparisonTable(title, [name.partition("/")[0].replace("_", " ") for name in conditions], rows)


def _row(model: Mapping[str, Mapping[str, RateEstimate]], conditions: Sequence[str], measure: str) -> list[Figure]:
    return [_figure(model.get(condition, {}).get(measure), _percent) for condition in conditions]


def _difference(one: RateEstimate | None, other: RateEstimate | None) -> Figure:
    """Return the difference of two estimates, where their pairs are the same."""
    if one is None or other is None or one.draws != other.draws:
        return Figure(NONE)
    difference = one.minus(other)
    return _figure(difference, _signed)._replace(tells=difference.tells())


def _figure(found: RateEstimate | None, written: Callable[[float], str]) -> Figure:
    if found is None or math.isnan(found.value):
        return Figure(NONE)
    low, high = found.interval
    return Figure(written(found.value), "" if math.isnan(low) else f"{written(low)} to {written(high)}")


def _percent(share: float) -> str:
    return f"{100 * share:.2f}".replace("-", "−")


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")
