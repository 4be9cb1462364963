"""What became of a run, or of its evaluation, kept as a file in its folder: it is found again, whoever has made it."""

import os
import platform
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import TypeAdapter

from callbacks.run_files import read_json, write_json
from experiments.runs.digests import contents_of

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


Trace = tuple[int, int] | None


def traced(folder: Path) -> Trace:
    """Return what tells a folder's record from one that is written later, ``None`` where there is none."""
    try:
        found = (folder / RECORD).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


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


class Evaluation(NamedTuple):
    """A run's evaluation by one protocol, with a record in a folder of its own inside the run's."""

    protocol: str
    """Its name."""
    folder: Path
    """Of its results; another for other files of the same protocol."""
    checkpoint: Path
    options: tuple[str, ...]
    """Of ``python -m experiments.evaluate``, that choose the protocol."""

    def words(self) -> list[str]:
        """Return the arguments of ``experiments.evaluate``."""
        return [f"--checkpoint={self.checkpoint}", *self.options, f"--out={self.folder}"]

    def keep(self) -> None:
        """Record what was found, after the evaluation has ended well.

        Of several ways to compare faces each has its own measures, ``covered+mirror+matched/scarf/rank1``.

        Raises:
            ValueError: If the results are not there or of another protocol.
        """
        results = read_json(self.folder / "results.json")
        try:
            found = {
                f"{self.protocol}{ways(model)}/{condition}/{name}": value
                for model, by_protocol in results.items()
                for condition, values in by_protocol[self.protocol].items()
                for name, value in values.items()
            }
        except (AttributeError, KeyError, ValueError):
            raise ValueError(f"{self.folder}/results.json: expected results of {self.protocol}, got others") from None
        if not found or len({ways(model) for model in results}) < len(results):
            raise ValueError(f"{self.folder}/results.json: expected results of one model, got {', '.join(results)}")
        measures = {name: value for name, value in found.items() if value is not None}
        record = begun(shlex.join(["python", "-m", "experiments.evaluate", *self.words()]))
        replace(record, status="done", measures=measures, weights=weights_of(self.checkpoint)).save(self.folder)

    def recalled(self) -> Mapping[str, float] | None:
        """Return the recorded measures, ``None`` where there is no record, it is damaged, or is of other weights.

        Weights that were deleted after they had been evaluated are taken for the same.
        """
        record = recorded(self.folder)
        is_of_these = weights_of(self.checkpoint) in ("", record.weights)
        return record.measures if record != RunRecord() and is_of_these else None


def ways(model: str) -> str:
    """Return how faces were compared, as measures have it, from what an evaluation calls a model.

    Example:
        >>> [ways(f"SOIDN{how}") for how in ("", ", mirror, matched by SOIDN", ", 40 random views")]
        ['', '+mirror+matched', '+random']
    """
    return "".join(f"+{way}" for way in ("mirror", "matched", "random") if re.search(rf", (\d+ )?{way}\b", model))


def weights_of(checkpoint: Path) -> str:
    """Return digits that stand for a checkpoint, empty where there is none."""
    return contents_of(checkpoint) if checkpoint.is_file() else ""


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
    cpus = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*:(.*)", cpus.read_text(), re.MULTILINE) if cpus.exists() else None
    processor = named[1].strip() if named else platform.processor() or platform.machine()
    return f"{processor}, {os.cpu_count()} cores"


def versions() -> str:
    """Return the versions that figures may depend on."""
    return f"Python {platform.python_version()}, torch {torch.__version__}"
