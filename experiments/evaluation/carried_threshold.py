"""Thresholds of an earlier evaluation: read from its results, and refused where they are of something else."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from callbacks.recognition.measure_names import stands_beside
from experiments.cli import UserError
from experiments.evaluation.given_models import Model
from experiments.evaluation.realised_measures import CarriedThreshold
from experiments.evaluation.results_folder import GIVEN, SCORES, Results

PREFIX = "threshold@far="
Read = TypeVar("Read")


@dataclass(frozen=True)
class Given:
    """What an evaluation says of itself beside its results."""

    models: dict[str, str]
    """Their files, by their names."""
    protocols: list[str]
    """As they were asked for."""

    keys: dict[str, str]
    """What tells models apart, by their names: weights, and how images are compared."""
    scores: str
    """What its thresholds are compared with."""
    thresholds: dict[str, str]
    """Those that it took from an earlier one, in words, by the names of models."""


def given(models: Sequence[Model], protocols: Sequence[str], carried: Mapping[str, CarriedThreshold]) -> Given:
    """Return what an evaluation says of itself."""
    return Given(
        models={model.name: model.path for model in models},
        protocols=[*protocols],
        keys={model.name: model.key for model in models if "embedding" in model.makes},
        scores=SCORES,
        thresholds={name: threshold.said() for name, threshold in carried.items()},
    )


def carried_thresholds(options: Namespace, models: Sequence[Model]) -> dict[str, CarriedThreshold]:
    """Return the threshold of every model that embeds, by its name; none without ``--threshold-from``.

    Args:
        options: ``threshold_from``, an evaluation's ``results.json``; ``threshold_protocol``, a protocol there, or a
            condition of one, ``lfw_occ/cup``, needed where several have thresholds; ``threshold_far``, by default the
            lowest that there is a threshold for.
        models: What is evaluated now; each gets the threshold of the same weights, whatever they were called.

    Raises:
        UserError: If the file is none of results, holds no threshold of a model, or not the one that is asked for.
    """
    if options.threshold_from is None:
        return {}
    path = Path(options.threshold_from)
    results = _read(path, TypeAdapter(Results, config=ConfigDict(allow_inf_nan=False)))
    said = _read(path.with_name(GIVEN), TypeAdapter(Given))
    if said.scores != SCORES:
        raise UserError(f"Expected thresholds of {SCORES}, got those of {said.scores[:80]} from {path}")
    named = {key: name for name, key in said.keys.items()}
    carried = {}
    for model in models:
        if "embedding" in model.makes:
            name = named.get(key := model.key)
            if name not in results:
                known = ", ".join(f"{name} ({key})" for key, name in named.items()) or "none"
                raise UserError(f"Expected a threshold of {model.name} ({key}), got from {path} those of {known}")
            carried[model.name] = _chosen(results[name], options, f"{path}: {name}")
    return carried


def _read(path: Path, kind: TypeAdapter[Read]) -> Read:
    try:
        return kind.validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"Expected results of an evaluation, got {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"]))
        raise UserError(f"Expected results of an evaluation, got {path}: {where or 'all'}: {first['msg']}") from error


def _chosen(
    protocols: Mapping[str, Mapping[str, Mapping[str, float | None]]], options: Namespace, where: str
) -> CarriedThreshold:
    found = {
        f"{protocol}/{condition}": thresholds
        for protocol, conditions in protocols.items()
        for condition, measures in conditions.items()
        if (thresholds := _thresholds(measures))
    }
    asked = options.threshold_protocol
    kept = {name: of for name, of in found.items() if asked is None or name == asked or name.startswith(f"{asked}/")}
    if len(kept) != 1:
        has = f"those with thresholds, {', '.join(found) or 'none'}"
        raise UserError(f"Expected --threshold-protocol to be one of {has}, got {asked}: {where}")
    ((setting, thresholds),) = kept.items()
    far = min(thresholds) if options.threshold_far is None else options.threshold_far
    if far not in thresholds:
        has = ", ".join(f"{rate:g}" for rate in sorted(thresholds))
        raise UserError(f"Expected --threshold-far to be one of {has}, got {far:g}: {where}: {setting}")
    return CarriedThreshold(thresholds[far], f"{far:g}", setting)


def _thresholds(measures: Mapping[str, float | None]) -> dict[float, float]:
    """Return the thresholds by false accept rate.

    Raises:
        UserError: If a measure is called like one and has no rate.
    """
    named = {
        name.removeprefix(PREFIX): value
        for name, value in measures.items()
        if name.startswith(PREFIX) and value is not None and not stands_beside(name)
    }
    try:
        return {float(far): value for far, value in named.items()}
    except ValueError as error:
        raise UserError(f"Expected a rate after {PREFIX}, got {error}") from error
