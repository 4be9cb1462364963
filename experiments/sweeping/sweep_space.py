"""What a sweep's file says of its parameters: fixed values, and distributions of what is swept."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna import Trial
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from experiments.cli import did_you_mean

DISTRIBUTIONS = {
    "constant": ("value",),
    "categorical": ("values",),
    "int_uniform": ("min", "max"),
    "uniform": ("min", "max"),
    "q_uniform": ("min", "max", "q"),
    "log_uniform": ("min", "max"),
    "log_uniform_values": ("min", "max"),
}
"""Each with the keys that it takes."""


def check_keys(where: str, node: Any, known: Sequence[str], required: Sequence[str] = ()) -> None:
    """Refuse a part of the file that is no mapping, has a key that is not understood, or lacks one."""
    if not isinstance(node, dict):
        raise ValueError(f"expected {where or 'a sweep'} as keys ({', '.join(known)}), got {node!r}")
    for key in node:
        if key not in known:
            hint = did_you_mean(str(key), known) or f"; supported: {', '.join(known)}"
            raise ValueError(f"`{where}{key}` is not supported{hint}")
    for key in required:
        if key not in node:
            raise ValueError(f"expected `{where}{key}`, got none")


def check_choice(key: str, value: Any, known: Sequence[str]) -> None:
    """Refuse a value that is none of those understood."""
    if value not in known:
        raise ValueError(f"expected `{key}` to be one of {', '.join(known)}, got {value!r}")


def parameter(name: str, entry: Any) -> Any:
    """Return a fixed value, or the distribution of what is swept."""
    where = f"parameters.{name}"
    keys = sorted({key for taken in DISTRIBUTIONS.values() for key in taken} | {"distribution"})
    check_keys(f"{where}.", entry, keys)
    kind = entry.get("distribution") or _implied(entry)
    if kind is None:
        raise ValueError(f"expected `{where}` with value, values, or min and max, got {entry}")
    check_choice(f"{where}.distribution", kind, tuple(DISTRIBUTIONS))
    check_keys(f"{where}.", entry, ("distribution", *DISTRIBUTIONS[kind]))
    if kind == "constant":
        return entry["value"]
    try:
        return _distribution(kind, entry)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        expected = ", ".join(DISTRIBUTIONS[kind])
        raise ValueError(f"expected `{where}` with {expected} as {kind} takes them, got {entry} ({error})") from error


def _implied(entry: Mapping[str, Any]) -> str | None:
    if "value" in entry:
        return "constant"
    if "values" in entry:
        return "categorical"
    if "min" in entry and "max" in entry:
        return "int_uniform" if isinstance(entry["min"], int) and isinstance(entry["max"], int) else "uniform"
    return None


def _distribution(kind: str, entry: Mapping[str, Any]) -> BaseDistribution:
    if kind == "categorical":
        return CategoricalDistribution([json.dumps(value) for value in entry["values"]])
    low, high = entry["min"], entry["max"]
    if kind == "int_uniform":
        return IntDistribution(low, high)
    if kind == "q_uniform":
        return FloatDistribution(low, high, step=entry.get("q", 1))
    if kind == "log_uniform":  # whose ends are exponents
        return FloatDistribution(math.exp(low), math.exp(high), log=True)
    return FloatDistribution(low, high, log=kind == "log_uniform_values")


def axis(distribution: Any) -> Iterator[Any]:
    """Yield choices, or a range's steps from its lower end."""
    if isinstance(distribution, CategoricalDistribution):
        yield from distribution.choices
        return
    low, step = distribution.low, distribution.step or 1
    for index in range(round((distribution.high - low) / step) + 1):
        yield low + index * step


def chosen(trial: Trial, name: str, space: BaseDistribution) -> Any:
    """Return a parameter's value in a trial: the one that it was made with, or a new one."""
    if isinstance(space, CategoricalDistribution):
        return trial.suggest_categorical(name, space.choices)
    if isinstance(space, IntDistribution):
        return trial.suggest_int(name, space.low, space.high, step=space.step, log=space.log)
    return trial.suggest_float(name, space.low, space.high, step=space.step, log=space.log)  # type: ignore[attr-defined]  # a FloatDistribution
