"""Noise patches that a configuration places by occlusion maps, wherever they are in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datamodules.occluders.strategic_placement import placement_distribution
from experiments.cli.user_errors import UserError, as_user_errors
from experiments.runs.resolution import Config, values_below
from experiments.runs.run_identity import is_of_a_run
from experiments.runs.spec import OCCLUDER


class MapPlacement(NamedTuple):
    """A noise patch that is placed by a map."""

    key: str
    """Of the map's file in the configuration."""
    size: tuple[int, int]
    map_file: Path
    temperature: float


def map_placements(config: Config) -> list[MapPlacement]:
    """Return all noise patches that are placed by a map, however mixtures are nested."""
    return list(_placements(config["data"].get("init_args", {}).get("training_occluder"), OCCLUDER))


def maps_to_make(config: Config, own: Config) -> list[MapPlacement]:
    """Return the placements by a map that has yet to be made: one that the configuration itself names, not the user.

    Args:
        config: Resolved, with what the user has said.
        own: What the configuration's files say.

    Raises:
        UserError: If another map is not there, or a temperature is none.
    """
    made_for_it = [str(path) for path in values_below(own, "map_file")]
    found = []
    for placement in map_placements(config):
        with as_user_errors(ValueError):
            placement_distribution(np.zeros((1, 1)), placement.temperature)
        name = str(placement.map_file)
        if placement.map_file.exists() or is_of_a_run(name) or name.startswith("${self}"):  # a run leaves it
            continue
        if name in made_for_it:
            found.append(placement)
        else:
            raise UserError(f"{placement.map_file}: expected an occlusion map, found no such file")
    return found


def _placements(occluder: Any, key: str) -> Iterator[MapPlacement]:
    settings = occluder.get("init_args") or {} if isinstance(occluder, dict) else {}
    inner = settings.get("occluders")
    for name, part in inner.items() if isinstance(inner, dict) else ():
        yield from _placements(part, f"{key}.init_args.occluders.{name}")
    if isinstance(one := settings.get("occluder"), dict):  # a curriculum's
        yield from _placements(one, f"{key}.init_args.occluder")
    placement = settings.get("placement")
    chosen = placement.get("init_args") or {} if isinstance(placement, dict) else {}
    if {"map_file", "temperature"} <= chosen.keys() and "size" in settings:
        height, width = settings["size"]
        map_key = f"{key}.init_args.placement.init_args.map_file"
        yield MapPlacement(map_key, (height, width), Path(chosen["map_file"]), chosen["temperature"])
