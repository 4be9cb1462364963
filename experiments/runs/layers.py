"""The systems and their configurations: layers of files, each of which changes keys of those before it."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from datamodules.yaml_file import read_yaml
from experiments.runs.spec import instance

CONFIGS = Path(__file__).parent.parent / "configs"
TABLES = CONFIGS.with_name("tables")
CSV = "pytorch_lightning.loggers.CSVLogger"
WANDB = "pytorch_lightning.loggers.WandbLogger"
PROJECT = "occlusion-robust-face-recognition"
"""Of W&B."""
SUFFIXES = {"demo": "demo", "paper": "casia"}
"""Scale → what the names of its configurations end with."""
WEIGHTS = "${weights}"
"""What a system starts from that starts from the user's file, where there is one."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class System:
    """What a system is made of, and what it depends on.

    Args:
        bases: Of its configuration, beside ``all``: each is a file of ``configs/base``, one with the scale's suffix, or
            both.
        starts_from: By scale, the system that is trained first, on the same faces, or ``${weights}``.
        weights: What the user's file has to be where the scale's start is ``${weights}``, in words; empty where random
            weights will do.
        map_of: The system whose occlusion maps place the noise patches of this one, where the user names no others: the
            maps are made of what this one starts from.
        maps: By scale, how: settings of ``callbacks.OcclusionMapping``.
    """

    bases: list[str]
    starts_from: Mapping[str, str] = field(default_factory=dict)
    weights: str = ""
    map_of: str = ""
    maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


SYSTEMS = TypeAdapter(dict[str, System]).validate_python(read_yaml(TABLES / "systems.yaml"))
"""By their names."""
CONFIGURATIONS = {f"{system}_{suffix}": (system, suffix) for system in SYSTEMS for suffix in SUFFIXES.values()}
"""Name, as ``--config`` takes it → system and suffix."""


def configuration(system: str, scale: str) -> str:
    """Return the name of a system's configuration.

    Example:
        >>> configuration("soidn", "paper")
        'soidn_casia'
    """
    return f"{system}_{SUFFIXES[scale]}"


def layers(name: str) -> list[Path]:
    """Return the files that make up a configuration, the first one first.

    Example:
        >>> [f"{path.parent.stem}/{path.stem}" for path in layers("soidn_demo")]
        ['base/all', 'base/soidn_demo', 'systems/soidn', 'systems/soidn_demo']
    """
    system, suffix = CONFIGURATIONS[name]
    places = [*(f"base/{base}" for base in ("all", *SYSTEMS[system].bases)), f"systems/{system}"]
    paths = [CONFIGS / f"{place}{end}.yaml" for place in places for end in ("", f"_{suffix}")]
    return [path for path in paths if path.exists()]


def named(name: str) -> dict[str, Any]:
    """Return the first layer of a configuration: where its runs are kept, in folders and in W&B."""
    where = {"save_dir": "runs", "name": name}
    return {"trainer": {"logger": [instance(CSV, **where), instance(WANDB, **where, project=PROJECT)]}}


def merged(name: str) -> dict[str, Any]:
    """Return what a configuration says, without building it: defaults are not in it."""
    return deepcopy(_merged(name))


@cache
def default_mixture() -> dict[str, float]:
    """Return how often training meets which occluder, by name, where no later layer says otherwise."""
    data = read_yaml(CONFIGS / "base" / "all.yaml")["data"]["init_args"]
    mixture: dict[str, float] = data["training_occluder"]["init_args"]["probabilities"]
    return mixture


@cache
def _merged(name: str) -> dict[str, Any]:
    result = named(name)
    for path in layers(name):
        result = overlaid(result, read_yaml(path) or {})
    return result


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration changed by another: mappings are merged, all else is replaced.

    Example:
        >>> overlaid({"a": {"b": 1, "c": [2, 3]}}, {"a": {"c": [4]}})
        {'a': {'b': 1, 'c': [4]}}
    """
    result = dict(below)
    for key, value in above.items():
        before = result.get(key)
        deeper = isinstance(value, Mapping) and isinstance(before, Mapping)
        result[key] = overlaid(result[key], value) if deeper else value
    return result


def expanded(words: Sequence[str]) -> list[str]:
    """Return a command line with each configuration that is called by its name as its layers.

    Example:
        >>> [Path(word).stem for word in expanded(["fit", "--config=trunk_casia"])[2:]]
        ['all', 'soidn_casia', 'vgg16_casia', 'trunk']
    """
    result: list[str] = []
    for word in words:
        option, _, value = word.partition("=")
        if option in ("--config", "-c") and value in CONFIGURATIONS:
            result += [f"--config={layer}" for layer in (json.dumps(named(value)), *layers(value))]
        else:
            result.append(word)
    return result
