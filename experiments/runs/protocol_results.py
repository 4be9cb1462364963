"""What a run's evaluation by a protocol has found, kept in a folder of its own inside the run's."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from callbacks.run_files import read_json, write_json
from experiments.runs.file_contents import Contents
from experiments.runs.run_record import RECORD, commit, versions


class Evaluation(NamedTuple):
    """A run's evaluation by one protocol."""

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
        made = {"weights": weights_of(self.checkpoint), "commit": commit(), "versions": versions()}
        write_json(self.folder / RECORD, {"measures": measures, **made})

    def recalled(self) -> dict[str, float] | None:
        """Return the recorded measures, ``None`` where there is no record, it is damaged, or is of other weights.

        Weights that were deleted after they had been evaluated are taken for the same.
        """
        try:
            record = read_json(self.folder / RECORD) or {}
            measures = _MEASURES.validate_python(record["measures"])
            return measures if weights_of(self.checkpoint) in ("", record["weights"]) else None
        except (KeyError, TypeError, ValueError):
            return None


_MEASURES = TypeAdapter(dict[str, float])


def weights_of(checkpoint: Path) -> str:
    """Return digits that stand for a checkpoint, empty where there is none."""
    if not checkpoint.is_file():
        return ""
    found = checkpoint.stat()
    return _digest(checkpoint.absolute(), found.st_size, found.st_mtime_ns)


@cache
def _digest(checkpoint: Path, size: int, changed: int) -> str:
    return Contents().of(checkpoint)
