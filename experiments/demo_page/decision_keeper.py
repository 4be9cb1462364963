"""Thresholds of models: measured once by a protocol, and kept on disk."""

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from datamodules.protocols import EvaluationProtocol
from datamodules.whole_file import write_whole
from experiments.cli import UserError
from experiments.demo_page.decision_points import FARS, DecisionPoint, Decisions, ModelDecisions
from experiments.demo_page.face_model import FaceModel
from experiments.demo_page.pair_comparison import MATCHING
from experiments.demo_page.protocol_scores import MOST_PAIRS, Told, measure
from experiments.evaluation.named_protocols import named_protocols
from experiments.runs.digests import digest

NOT_OF_PROTOCOLS = ("model", "masks", "detector", "detector_model", "gallery", "host", "port", "out")
"""Options of the page that no protocol depends on."""


class DecisionKeeper:
    """Measures and keeps.

    Args:
        protocol: Builds what it measures by, when it has to.
        name: What stands for that.
        folder: Where to keep it.
    """

    def __init__(self, protocol: Callable[[], EvaluationProtocol], name: str, folder: Path) -> None:
        self.protocol = protocol
        self.name = name
        self.folder = folder
        self._turn = Lock()

    def kept(self, model: FaceModel, masks: FaceModel | None) -> ModelDecisions | None:
        """Return what was measured before, or ``None``."""
        try:
            found = json.loads(self._file(model, masks).read_bytes())
            return ModelDecisions(*(None if one is None else _read(one) for one in found))  # type: ignore[arg-type]  # the first is there
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def measured(self, model: FaceModel, masks: FaceModel | None, told: Told) -> ModelDecisions:
        """Return the thresholds of a model, measured if they were not before; who asks meanwhile waits for them.

        Raises:
            DataError: If an image of the protocol cannot be read, or the model cannot take it.
        """
        with self._turn:
            found = self.kept(model, masks)
            if found is None:
                found = measure(self.protocol(), model, masks, told)
                write_whole(self._file(model, masks), json.dumps([one and asdict(one) for one in found], indent=1))
            return found

    def _file(self, model: FaceModel, masks: FaceModel | None) -> Path:
        key = digest(model.key, masks.key if masks else "", self.name, repr((MATCHING, FARS, MOST_PAIRS)))
        return self.folder / f"{key}.json"


def _read(found: dict[str, Any]) -> Decisions:
    return Decisions(**{**found, "points": [DecisionPoint(*point) for point in found["points"]]})


def protocol_of(options: Namespace) -> tuple[Callable[[], EvaluationProtocol], str]:
    """Return what builds the one protocol that options name, and what stands for it.

    Raises:
        UserError: If they name several; when it is built, if its files cannot be used.
    """
    if len(options.protocol) != 1:
        raise UserError(f"Expected one --protocol, got {len(options.protocol)}")
    settings = {name: value for name, value in vars(options).items() if name not in NOT_OF_PROTOCOLS}

    def build() -> EvaluationProtocol:
        found = named_protocols(options)
        if len(found) != 1:
            raise UserError(f"Expected one protocol, got {len(found)}: --categories names one occluder")
        return found[0]

    return build, repr(sorted(settings.items()))
