"""Models by protocols: what is measured, one task after the other, and what becomes of one that fails."""

import traceback
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch.distributed as dist

from datamodules.protocols import EvaluationProtocol
from experiments.cli import REFUSALS, UserError
from experiments.evaluation.embedding import Embeddings, embed
from experiments.evaluation.face_images import LabelMaps, image_digests
from experiments.evaluation.given_models import Model
from experiments.evaluation.named_protocols import folder_name
from experiments.evaluation.protocol_figures import draw_figures, draw_segmentation
from experiments.evaluation.protocol_measures import evaluate_protocol, readable
from experiments.evaluation.protocol_segmentation import segment, segmentation_rows
from experiments.evaluation.results_folder import EvaluationFolder, Results
from experiments.first_process import is_first, warn
from lightning_modules.networks.foreign import reason

TRAINER = ("accelerator", "devices", "precision")


class Task(NamedTuple):
    """A model and a protocol."""

    model: Model
    protocol: EvaluationProtocol
    digests: Sequence[bytes] = ()
    """Of the protocol's images."""

    @property
    def embeds(self) -> bool:
        """Whether embeddings are compared."""
        return "embedding" in self.model.makes

    @property
    def segments(self) -> bool:
        """Whether segmentations are compared with label maps."""
        return "segmentation" in self.model.makes and isinstance(self.protocol.source, LabelMaps)


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
                f"{task.model.name}: nothing to measure on {task.protocol.name}: it makes no embeddings, and there are "
                "no label maps to compare its segmentation with"
            )
    tasks = [task for task in listed if task.embeds or task.segments]
    if not tasks:
        raise UserError("Expected a model and a protocol with something to measure, got none")
    digests = {id(p): image_digests(p.source) for p in protocols if any(task.protocol is p for task in tasks)}
    return [task._replace(digests=digests[id(task.protocol)]) for task in tasks]


def measure_all(tasks: Sequence[Task], options: Namespace, folder: EvaluationFolder, results: Results) -> list[str]:
    """Measure one after the other, write each result when it is there, and return what failed, a line each."""
    failures = []
    for task in tasks:
        name = f"{task.model.name} on {folder_name(task.protocol)}"
        try:
            _measure(task, options, folder, results)
        except Exception as error:  # whatever it is, others go on
            if dist.is_initialized():  # the other processes wait for this one
                raise
            if not isinstance(error, (UserError, *REFUSALS)):
                traceback.print_exc()
            said = str(error) if isinstance(error, (UserError, ValueError)) else reason(error)
            failures.append(f"{name}: {said}")
            warn(f"failed: {failures[-1]}")
    return failures


def trainer_options(options: Namespace) -> dict[str, Any]:
    """Return the trainer's settings among a command line's options."""
    return {**{name: getattr(options, name) for name in TRAINER}, "enable_progress_bar": False}


def _measure(task: Task, options: Namespace, folder: EvaluationFolder, results: Results) -> None:
    """Put a task's measures among the results, write them, and draw its figures; in the first process only."""
    model, protocol = task.model, task.protocol
    embeddings = _embeddings(task, options) if task.embeds else None
    confusion = segment(model.extraction, protocol.source, **_common(options)) if task.segments else None
    if not is_first():
        return
    found = None if embeddings is None else evaluate_protocol(protocol, embeddings)
    rows = {} if found is None else found.rows()
    for condition, measures in {} if confusion is None else segmentation_rows(protocol, confusion).items():
        rows.setdefault(condition, {}).update(measures)
    results.setdefault(model.name, {}).setdefault(protocol.name, {}).update(readable(rows))
    folder.write(results)
    if options.no_figures:
        return
    figures = folder.figures(model.name, folder_name(protocol))
    if embeddings is not None and found is not None:
        draw_figures(protocol, embeddings, found, figures)
    if "segmentation" in model.makes:
        draw_segmentation(model.extraction, protocol, figures)


def _embeddings(task: Task, options: Namespace) -> Embeddings:
    cache = None if options.no_cache else Path(options.cache)
    extraction, source = task.model.extraction, task.protocol.source
    return embed(extraction, source, digests=task.digests, cache=cache, **_common(options))


def _common(options: Namespace) -> dict[str, Any]:
    loading = {"batch_size": options.batch_size, "num_workers": options.num_workers}
    return {**loading, "trainer_options": trainer_options(options)}
