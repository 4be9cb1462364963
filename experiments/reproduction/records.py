"""What became of a row with one seed, kept as a file in its folder."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from experiments.results import write_json

RECORD = "record.json"
Status = Literal["done", "failed", "not run"]


@dataclass(frozen=True)
class Run:
    """A row with one seed.

    Args:
        row: Its key.
        seed: Of training, split and occluders, and of generated people.
        folder: Of the run: configuration, checkpoints, figures, log.
        command: What was run, as one types it.
        status: Whether there are figures, an error, or neither yet.
        measures: By name, ``test/rank1/scarf`` or ``ar/scarf/rank_1_accuracy``, as they were logged.
        history: For each epoch what was logged, with ``epoch`` from 1 and ``seconds`` of training until its end.
        seconds: Of training, validation included, start and evaluation not.
        error: The first line of what went wrong.
        commit: Of this suite, with ``+`` where files had been changed.
        hardware: In words.
        versions: Of Python and torch.
    """

    row: str
    seed: int
    folder: str
    command: str
    status: Status = "not run"
    measures: Mapping[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""
    commit: str = ""
    hardware: str = ""
    versions: str = ""

    def save(self) -> None:
        """Write the record into the run's folder."""
        write_json(Path(self.folder) / RECORD, asdict(self))

    def recalled(self) -> "Run":
        """Return what the folder's record says of this run, or the run itself where there is none that can be read."""
        try:
            return replace(self, **json.loads((Path(self.folder) / RECORD).read_text()))
        except (OSError, ValueError, TypeError):
            return self

    def is_done(self) -> bool:
        """Whether the folder's record says so."""
        return self.recalled().status == "done"


@cache
def commit() -> str:
    """Return the suite's commit, ``unknown`` outside a repository."""
    describe = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--exclude=*", "--dirty=+"]
    try:
        described = subprocess.run(describe, capture_output=True, text=True, check=True)  # noqa: S603  fixed words
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()


@cache
def hardware() -> str:
    """Return the machine in words: its GPUs, or its processor and how many cores there are."""
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return ", ".join(f"{names.count(name)} × {name}" for name in dict.fromkeys(names))
    return f"{_processor()}, {os.cpu_count()} cores"


def versions() -> str:
    """Return the versions that figures may depend on."""
    return f"Python {platform.python_version()}, torch {torch.__version__}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
