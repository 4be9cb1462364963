"""Measures and thresholds as rows of a page."""

from collections.abc import Mapping

from datamodules.seams.conditions import AGGREGATES, CLEAN
from experiments.exporting.kept_figures import Conditions
from experiments.results import CONDITION_NAMES

MEASURES = ("rank1", "accuracy", "eer", "tar@far=0.001", "tar@far=0.01", "iou", "false_alarm")
"""Those that a page shows, of those that there are: all are in an evaluation's results."""
DASH = "–"


def measure_rows(results: Mapping[str, Conditions]) -> list[list[str]]:
    """Return a head and a row for each condition, rates in %; nothing where none of the measures is there.

    Example:
        >>> measure_rows({"lfw": {"all": {"accuracy": 0.9935, "eer": None, "pairs": 6000}}})
        [['faces', 'accuracy, %', 'eer, %'], ['lfw: all', '99.35', '–']]
    """
    conditions = {
        ": ".join(part for part in (protocol, condition) if part): measures
        for protocol, found in results.items()
        for condition, measures in found.items()
    }
    shown = [name for name in MEASURES if any(name in measures for measures in conditions.values())]
    rows = [[name, *map(_percent, (measures.get(one) for one in shown))] for name, measures in conditions.items()]
    kept = [row for row in rows if any(cell != DASH for cell in row[1:])]
    return [["faces", *(f"{name}, %" for name in shown)], *kept] if kept else []


def by_condition(metrics: Mapping[str, float | None]) -> Conditions:
    """Return a training's test on unseen identities by condition, clean faces first and the occluders' mean last.

    Args:
        metrics: ``test/<measure>/<condition>``.

    Example:
        >>> by_condition({"test/rank1/cup": 0.5, "test/rank1/none": 0.9, "test/iou/mean": 0.7, "val/loss": 1.0})
        {'clean': {'rank1': 0.9}, 'cup': {'rank1': 0.5}, 'mean of occluders': {'iou': 0.7}}
    """
    found: dict[str, dict[str, float | None]] = {}
    for name, value in metrics.items():
        split, _, rest = name.partition("/")
        measure, _, condition = rest.partition("/")
        if measure == "iou" and condition in AGGREGATES:
            condition = {"mean": "occluded"}.get(condition, "")
        if split == "test" and condition:
            found.setdefault(condition, {})[measure] = value
    order = sorted(found, key=lambda condition: (condition != CLEAN, condition in AGGREGATES, condition))
    return {CONDITION_NAMES.get(condition, condition): found[condition] for condition in order}


def threshold_rows(thresholds: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[list[str]]:
    """Return a head and a row for each threshold; nothing where there is none.

    Example:
        >>> threshold_rows({"lfw/all": {"0.001": {"threshold": 0.4, "low": 0.35, "high": 0.5}}})
        [['by', 'FAR', 'threshold', 'interval'], ['lfw/all', '0.001', '0.4000', '0.3500 to 0.5000']]
    """
    rows = [
        [setting, far, _number(found.get("threshold")), _interval(found)]
        for setting, rates in thresholds.items()
        for far, found in rates.items()
    ]
    return [["by", "FAR", "threshold", "interval"], *rows] if rows else []


def _interval(found: Mapping[str, float]) -> str:
    return f"{_number(found.get('low'))} to {_number(found.get('high'))}" if found.keys() & {"low", "high"} else DASH


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{100 * value:.2f}"
