"""What became of a run, kept as a file in its folder: a run with such a file is found again, whoever has made it."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from pydantic import TypeAdapter

from callbacks.run_files import read_json, write_json

RECORD = "record.json"
Status = Literal["done", "failed", "not run"]


@dataclass(frozen=True)
class RunRecord:
    """What became of a run.

    Args:
        command: What was run, as one types it.
        status: Whether there are figures, an error, or neither yet.
        measures: By name, as they were logged, ``test/rank1/scarf``.
        history: For each epoch what was logged, with ``epoch`` from 1 and ``seconds`` of training until its end.
        seconds: Of training, validation included, start and evaluation not.
        evaluated: Whether the measures are of unseen identities too.
        weights: Digits that stand for the checkpoint that it has left.
        error: The first line of what went wrong.
        commit: Of this suite, with ``+`` where files had been changed.
        hardware: In words.
        versions: Of Python and torch.
        unevaluated: Protocol → what went wrong in an evaluation by it; not kept.
    """

    command: str = ""
    status: Status = "not run"
    measures: Mapping[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    evaluated: bool = False
    weights: str = ""
    error: str = ""
    commit: str = ""
    hardware: str = ""
    versions: str = ""
    unevaluated: Mapping[str, str] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it into the run's folder."""
        content = asdict(self)
        del content["unevaluated"]
        write_json(folder / RECORD, content)


_READER = TypeAdapter(RunRecord)


def recorded(folder: Path) -> RunRecord:
    """Return what a folder's record says; where there is none, or a damaged one, nothing was run."""
    try:
        return _READER.validate_json((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return RunRecord()


def begun(command: str) -> RunRecord:
    """Return the record of a run that begins here and now."""
    return RunRecord(command, commit=commit(), hardware=hardware(), versions=versions())


def collected(record: RunRecord, folder: Path, *, evaluates: bool) -> RunRecord:
    """Return a record with what its run has measured: at its end, and in its last epoch.

    Raises:
        ValueError: If the run has left no figures.
    """
    history: list[dict[str, float]] = read_json(folder / "history.json")
    metrics = read_json(folder / "metrics.json")
    if not history or (evaluates and not metrics):
        raise ValueError(f"{folder}: expected history.json and metrics.json of a run, got none or damaged ones")
    last = {name: value for name, value in history[-1].items() if "/" in name}
    found = {**last, **(metrics["metrics"] if metrics else {})}
    measures = {name: value for name, value in found.items() if value is not None}
    seconds = history[-1]["seconds"]
    return replace(
        record, status="done", measures=measures, history=history, seconds=seconds, evaluated=bool(metrics), error=""
    )


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
