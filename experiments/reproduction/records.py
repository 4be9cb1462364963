"""What became of a row with one seed, kept as a file in its folder."""

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import TypeAdapter

from callbacks.run_files import read_json, write_json
from experiments.contents import Contents
from experiments.measures import SPLITS

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
        measures: By name, as they were logged, ``test/rank1/scarf``; with those of its evaluations,
            ``ar/scarf/rank1``.
        history: For each epoch what was logged, with ``epoch`` from 1 and ``seconds`` of training until its end.
        seconds: Of training, validation included, start and evaluation not.
        error: The first line of what went wrong.
        commit: Of this suite, with ``+`` where files had been changed.
        hardware: In words.
        versions: Of Python and torch.
        evaluations: Protocol → folder of what it has found, of the protocols that were asked for.
        unevaluated: Protocol → what went wrong in it.
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
    evaluations: Mapping[str, str] = field(default_factory=dict)
    unevaluated: Mapping[str, str] = field(default_factory=dict)

    def save(self) -> None:
        """Write the record of the training into the run's folder; evaluations have records of their own."""
        content = asdict(replace(self, measures=_of_training(self.measures)))
        del content["evaluations"], content["unevaluated"]
        write_json(Path(self.folder) / RECORD, content)

    def recalled(self) -> "Run":
        """Return what the folder's record says of this run's training, or the run itself where there is none.

        A record that is damaged is none.
        """
        try:
            found = _READER.validate_json((Path(self.folder) / RECORD).read_bytes())
        except (OSError, ValueError):
            return self
        here = {"row": self.row, "seed": self.seed, "folder": self.folder}  # which may have been moved
        return replace(found, **here, measures=_of_training(found.measures))  # type: ignore[arg-type]  # of those types

    def is_done(self) -> bool:
        """Whether the folder's record says so."""
        return self.recalled().status == "done"


_READER = TypeAdapter(Run)


def _of_training(measures: Mapping[str, float]) -> dict[str, float]:
    """Return the measures that no protocol has found."""
    return {name: value for name, value in measures.items() if name.partition("/")[0] in SPLITS}


class Evaluation(NamedTuple):
    """A run's evaluation by one protocol."""

    protocol: str
    """Its name."""
    folder: Path
    """Of its results; another for other files of the same protocol."""
    args: list[str]
    """Arguments of ``python -m experiments.evaluate``."""

    def keep(self) -> None:
        """Record what was found, after the evaluation has ended well.

        Raises:
            ValueError: If the results are not there or of another protocol.
        """
        results = read_json(self.folder / "results.json")
        try:
            (by_protocol,) = results.values()
            conditions = by_protocol[self.protocol].items()
            found = {f"{self.protocol}/{c}/{name}": v for c, values in conditions for name, v in values.items()}
        except (AttributeError, KeyError, ValueError):
            raise ValueError(f"{self.folder}/results.json: expected results of {self.protocol}, got others") from None
        measures = {name: value for name, value in found.items() if value is not None}
        made = {"weights": self._weights(), "commit": commit(), "versions": versions()}
        write_json(self.folder / RECORD, {"measures": measures, **made})

    def recalled(self) -> dict[str, float] | None:
        """Return the recorded measures, ``None`` where there is no record, it is damaged, or is of other weights.

        Weights that were deleted after they had been evaluated are taken for the same.
        """
        try:
            record = read_json(self.folder / RECORD) or {}
            measures = _MEASURES.validate_python(record["measures"])
            return measures if self._weights() in ("", record["weights"]) else None
        except (KeyError, TypeError, ValueError):
            return None

    def _weights(self) -> str:
        """Return digits that stand for the checkpoint, empty where there is none."""
        (checkpoint,) = (Path(arg.partition("=")[2]) for arg in self.args if arg.startswith("--checkpoint="))
        if not checkpoint.is_file():
            return ""
        found = checkpoint.stat()
        return _digest(checkpoint, found.st_size, found.st_mtime_ns)


@cache
def _digest(checkpoint: Path, size: int, changed: int) -> str:
    return Contents().of(checkpoint)


_MEASURES = TypeAdapter(dict[str, float])


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
