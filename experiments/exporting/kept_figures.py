"""What is known of a checkpoint: its run's own record and figures, and an evaluation's results and thresholds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from callbacks.run_files import read_json
from experiments.cli import UserError
from experiments.evaluation.results_folder import GIVEN, RESULTS, Results
from experiments.runs.run_record import RunRecord, recorded, weights_of

EVALUATION = Path("runs/evaluation") / RESULTS
"""Where an evaluation is by default."""
THRESHOLD = re.compile(r"threshold@far=([^_]+)(_low|_high)?")
_READER = TypeAdapter(Results, config=ConfigDict(allow_inf_nan=False))
Conditions = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True)
class KeptFigures:
    """Of one checkpoint.

    Args:
        record: Of its run; empty where there is none.
        metrics: By name, of the test on unseen identities; empty where there was none, or it is of other weights.
        results: Protocol → condition → measure; empty where it was not evaluated.
        source: The file of these results.
        scores: What thresholds are compared with, in words.
    """

    record: RunRecord = field(default_factory=RunRecord)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    results: Mapping[str, Conditions] = field(default_factory=dict)
    source: Path | None = None
    scores: str = ""

    def thresholds(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return thresholds by protocol and condition, and by false accept rate, with its interval where it has one."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for protocol, conditions in self.results.items():
            for condition, measures in conditions.items():
                for name, value in measures.items():
                    if value is not None and (match := THRESHOLD.fullmatch(name)):
                        bound = (match[2] or "_threshold").removeprefix("_")
                        rates = found.setdefault(f"{protocol}/{condition}", {})
                        rates.setdefault(match[1], {})[bound] = value
        return found


def kept_figures(checkpoint: Path, key: str, results: str | None) -> KeptFigures:
    """Return what is known of a checkpoint.

    Args:
        checkpoint: In the ``checkpoints`` folder of its run.
        key: What tells its embeddings apart: see :func:`~experiments.evaluation.embedding_key.module_key`.
        results: An evaluation's ``results.json``; ``None`` takes the default one where the checkpoint is in it.

    Raises:
        UserError: If results are named and are none of this checkpoint.
    """
    folder = checkpoint.resolve().parent.parent
    record, metrics = recorded(folder), read_json(folder / "metrics.json")
    # a training is tested at its end: of another checkpoint than its last the figures are not
    same = weights_of(checkpoint) == record.weights if record.weights else checkpoint.name == "last.ckpt"
    measured = metrics.get("metrics") if same and isinstance(metrics, dict) else None
    path = EVALUATION if results is None else Path(results)
    given, found = read_json(path.with_name(GIVEN)), _results(path)
    name = _name(given, key)
    if results is not None and name not in found:
        raise UserError(f"Expected results of an evaluation of {checkpoint} ({key}), got {path} without it")
    if name is None or name not in found:
        return KeptFigures(record, measured or {})
    return KeptFigures(record, measured or {}, found[name], path, str(given.get("scores", "")))


def _results(path: Path) -> Results:
    """Return an evaluation's results; none where there is no file, or another."""
    try:
        return _READER.validate_json(path.read_bytes())
    except (OSError, ValueError):
        return {}


def _name(given: Any, key: str) -> str | None:
    """Return what an evaluation calls the model of a key."""
    keys = given.get("keys") if isinstance(given, dict) else None
    return next((str(name) for name, one in keys.items() if one == key), None) if isinstance(keys, dict) else None
