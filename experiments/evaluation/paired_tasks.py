"""A model and a protocol, and what there is to measure of them."""

from collections.abc import Sequence
from typing import NamedTuple

from datamodules.plain_faces import image_digests
from datamodules.protocols import EvaluationProtocol
from datamodules.seams import LabelMaps
from experiments.cli import UserError
from experiments.evaluation.given_models import Model


class Task(NamedTuple):
    """A model and a protocol."""

    model: Model
    protocol: EvaluationProtocol
    digests: Sequence[bytes] = ()
    """Of the protocol's images."""

    @property
    def embeds(self) -> bool:
        """Whether embeddings are compared."""
        return "embedding" in self.model.makes and self.protocol.compares

    @property
    def segments(self) -> bool:
        """Whether segmentations are compared with label maps."""
        told_once = self.model.comparison.is_plain
        return told_once and "segmentation" in self.model.makes and isinstance(self.protocol.source, LabelMaps)


def paired(models: Sequence[Model], protocols: Sequence[EvaluationProtocol]) -> list[Task]:
    """Pair models and protocols; every image is read, so that a broken one shows before anything is embedded.

    Raises:
        UserError: If there is nothing to measure.
        DataError: If an image cannot be read.
    """
    listed = [Task(model, protocol) for model in models for protocol in protocols]
    for task in listed:
        if not (task.embeds or task.segments):
            print(
                f"{task.model.name}: nothing to measure on {task.protocol.name}: it makes no embeddings, or no faces "
                "are compared, and there are no label maps to compare its segmentation with"
            )
    tasks = [task for task in listed if task.embeds or task.segments]
    if not tasks:
        raise UserError("Expected a model and a protocol with something to measure, got none")
    digests = {id(p): image_digests(p.source) for p in protocols if any(task.protocol is p for task in tasks)}
    return [task._replace(digests=digests[id(task.protocol)]) for task in tasks]
