"""A look whether a run can be built before what it depends on is made: mistakes in what comes last show first."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments import cli
from experiments.runs.map_placements import map_placements
from experiments.runs.resolution import Config, resolved
from experiments.runs.spec import CONTINUE_CLASSIFIER, OCCLUDER, RunSpec


def rehearsed(spec: RunSpec, left: Collection[Path] = ()) -> "cli.FaceCLI":
    """Build a run, without a look at every image or what other runs have yet to leave, and stop there.

    In the folders of those that are ``left`` to be run nothing counts, whatever is there.
    """
    there = {
        key: value
        for key, value in spec.inputs.items()
        if not isinstance(value, str) or (Path(value).exists() and not any(map(Path(value).is_relative_to, left)))
    }
    spec = replace(spec, inputs=there)
    return cli.build(replace(spec, inputs={**there, **_without(resolved(spec))}).words())


def _without(config: Config) -> dict[str, Any]:
    """Return the changes that spare a configuration what takes long or is not there yet."""
    data, model = (config[part].get("init_args") or {} for part in ("data", "model"))
    changes: dict[str, Any] = {}
    checks = data.get("checks")
    if checks is not None and checks.get("on_bad_image") != "skip" and checks.get("duplicates", "warn") == "warn":
        changes["data.init_args.checks.check_images"] = False
    if not all(placement.map_file.exists() for placement in map_placements(config)):
        changes[OCCLUDER] = None
    if model.get("initial_weights") is None and model.get("continue_classifier"):
        changes[CONTINUE_CLASSIFIER] = False
    return changes
