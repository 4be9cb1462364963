"""A system's configuration, as the files that it is layered of: each changes keys of those before it."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from datamodules.yaml_file import read_yaml
from experiments.runs.spec import instance

CONFIGS = Path(__file__).parent.parent / "configs"
CSV = "pytorch_lightning.loggers.CSVLogger"
WANDB = "pytorch_lightning.loggers.WandbLogger"
PROJECT = "occlusion-robust-face-recognition"
"""Of W&B."""
SUFFIXES = {"demo": "demo", "paper": "casia"}
"""Scale → what the names of its configurations end with."""
BASES = {
    "soidn": ("all", "soidn"),
    "baseline": ("all", "soidn", "vgg16"),
    "trunk": ("all", "soidn", "vgg16"),
    "segmentation": ("all", "soidn"),
    "model_a": ("all", "occlusion_maps"),
    "triplet": ("all", "occlusion_maps", "triplets"),
    "batch_triplet": ("all", "occlusion_maps", "triplets"),
    "model_a_strategic": ("all", "occlusion_maps", "noise_patches"),
    "model_a_normal": ("all", "occlusion_maps", "noise_patches"),
}
"""System → its bases; each is a file of ``configs/base``, one with the scale's suffix, or both."""
SYSTEMS = tuple(BASES)
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
    places = [*(f"base/{base}" for base in BASES[system]), f"systems/{system}"]
    paths = [CONFIGS / f"{place}{end}.yaml" for place in places for end in ("", f"_{suffix}")]
    return [path for path in paths if path.exists()]


def loggers(csv: Mapping[str, Any], wandb: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the loggers of a run, as a configuration names them.

    Args:
        csv: Settings of the logger that writes the run's folder.
        wandb: Settings of W&B's.
    """
    return [
        instance(CSV, **csv),
        instance(WANDB, **wandb, project=PROJECT),
    ]


def named(name: str) -> dict[str, Any]:
    """Return the first layer of a configuration: where its runs are kept, in folders and in W&B."""
    where = {"save_dir": "runs", "name": name}
    return {"trainer": {"logger": loggers(where, where)}}


def merged(name: str) -> dict[str, Any]:
    """Return what a configuration says, without building it: defaults are not in it."""
    return deepcopy(_merged(name))


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

    Args:
        words: Options as one word each.

    Example:
        >>> [Path(word).stem for word in expanded(["fit", "--config=trunk_casia"])[2:]]
        ['all', 'soidn_casia', 'vgg16_casia', 'trunk']
    """
    result: list[str] = []
    for word in words:
        option, _, value = word.partition("=")
        result += _options(value) if option in ("--config", "-c") and value in CONFIGURATIONS else [word]
    return result


def _options(name: str) -> list[str]:
    contents = [json.dumps(named(name)), *map(str, layers(name))]
    return [f"--config={content}" for content in contents]
