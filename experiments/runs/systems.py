"""The systems that can be asked for, and what each depends on: ``experiments/tables/systems.yaml``."""

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from datamodules.yaml_file import read_yaml

TABLES = Path(__file__).parent.parent / "tables"
SYSTEMS = TABLES / "systems.yaml"
WEIGHTS = "${weights}"
"""What a system starts from that starts from the user's file, where there is one."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class System:
    """What a system depends on.

    Args:
        starts_from: By scale, the system that is trained first, on the same faces, or ``${weights}``.
        weights: What the user's file has to be where the scale's start is ``${weights}``, in words; empty where random
            weights will do.
        map_of: The system whose occlusion maps place the noise patches of this one, where the user names no others: the
            maps are made of what this one starts from.
        maps: By scale, how: settings of ``callbacks.OcclusionMapping``.
    """

    starts_from: Mapping[str, str] = field(default_factory=dict)
    weights: str = ""
    map_of: str = ""
    maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@cache
def systems() -> Mapping[str, System]:
    """Return all systems by their names, which are those of configurations."""
    return TypeAdapter(dict[str, System]).validate_python(read_yaml(SYSTEMS))
