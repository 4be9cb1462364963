"""Models by protocols: what is measured, one task after the other, and what becomes of one that fails."""

import traceback
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray

from callbacks.recognition.recognise import Recognition
from callbacks.recognition.reranking import Reranking
from datamodules.protocols import EvaluationProtocol
from experiments.cli import REFUSALS, UserError
from experiments.cli.first_process import is_first, warn
from experiments.evaluation.carried_threshold import given
from experiments.evaluation.face_outputs import Computing
from experiments.evaluation.given_models import Model
from experiments.evaluation.matching.compared import Comparing, add_costs
from experiments.evaluation.matching.matched_figure import draw_matched
from experiments.evaluation.named_protocols import folder_name
from experiments.evaluation.paired_tasks import Task, paired
from experiments.evaluation.protocol_figures import draw_figures, draw_segmentation
from experiments.evaluation.protocol_measures import evaluate_protocol, readable
from experiments.evaluation.protocol_segmentation import segmented_rows
from experiments.evaluation.quality.discard_curves import add_discards, draw_discards
from experiments.evaluation.quality.image_quality import NONE, Discarding, image_qualities
from experiments.evaluation.realised_measures import CarriedThreshold
from experiments.evaluation.results_folder import EvaluationFolder, Results, check_writable
from experiments.evaluation.segmentation_figures import draw_labelled
from experiments.evaluation.tradeoffs import Tradeoffs
from lightning_modules.networks.foreign import reason


@dataclass
class EvaluationRun:
    """Measures tasks, one after the other.

    Attributes:
        folder: Where results and figures go.
        computing: How models are run.
        cache: Folder where embeddings are kept; ``None`` keeps none.
        draws: Whether there are figures.
        carried: Thresholds of an earlier evaluation, by the model's name.
        keep: Called with each task and what was recognised.
        results: What was found.
        tradeoffs: The curves of all that was compared.
        discarding: What error-versus-discard curves are made of.
    """

    folder: EvaluationFolder
    computing: Computing
    cache: Path | None
    draws: bool = True
    carried: Mapping[str, CarriedThreshold] = field(default_factory=dict)
    keep: Callable[[Task, Recognition], None] = lambda task, found: None
    results: Results = field(default_factory=dict)
    tradeoffs: Tradeoffs = field(default_factory=Tradeoffs)
    discarding: Discarding = NONE

    def __post_init__(self) -> None:
        self.comparing = Comparing(self.computing, self.cache)

    def measure(self, tasks: Sequence[Task]) -> list[str]:
        """Measure, write each result when it is there, and return what failed, a line each."""
        failures = []
        for task in tasks:
            try:
                self._measure(task)
            except Exception as error:  # whatever it is, others go on
                if dist.is_initialized():  # the other processes wait for this one
                    raise
                if not isinstance(error, (UserError, *REFUSALS)):
                    traceback.print_exc()
                said = str(error) if isinstance(error, (UserError, ValueError)) else reason(error)
                failures.append(f"{task.model.name} on {folder_name(task.protocol)}: {said}")
                warn(f"failed: {failures[-1]}")
        return failures

    def _measure(self, task: Task) -> None:
        """Put a task's measures among the results, write them, and draw its figures; in the first process only."""
        model, protocol = task.model, task.protocol
        extraction = model.extraction
        embeddings, found, reranking = self._recognised(task) if task.embeds else (None, None, None)
        qualities = image_qualities(self.discarding, protocol, embeddings, self.comparing, task.digests)
        segmented = segmented_rows(extraction, protocol, self.computing) if task.segments else None
        if not is_first():
            return
        if found is not None:
            self.keep(task, found)
        rows = {} if found is None else found.rows()
        add_costs(rows, model.comparison)
        curves = {} if found is None else add_discards(rows, protocol, found, qualities, self.discarding.first_error)
        carried = self.carried.get(extraction.name)
        parts = [] if carried is None or found is None else [carried.measures(found)]
        parts += [] if segmented is None else [segmented.rows]
        for condition, measures in (item for part in parts for item in part.items()):
            rows.setdefault(condition, {}).update(measures)
        self.results.setdefault(extraction.name, {}).setdefault(protocol.name, {}).update(readable(rows))
        self.folder.write(self.results)
        figures = self.folder.figures(extraction.name, folder_name(protocol))
        if self.draws and embeddings is not None and found is not None:
            draw_figures(protocol, embeddings, found, figures)
            draw_matched(protocol, reranking, figures)
            draw_discards(curves, figures)
            self.tradeoffs.add(extraction.name, protocol.name, found, carried)
            self.tradeoffs.draw(self.folder.path)
        if self.draws and segmented is not None and segmented.scores is not None:
            draw_labelled(extraction, protocol, segmented.scores, segmented.rows, figures)
        elif self.draws and "segmentation" in model.makes and model.comparison.is_plain and protocol.compares:
            draw_segmentation(extraction, protocol, figures)

    def _recognised(self, task: Task) -> tuple[NDArray[np.float32], Recognition | None, Reranking | None]:
        """Return embeddings, measures and what has scored; without more embeddings in the first process alone."""
        model, protocol = task.model, task.protocol
        embeddings = self.comparing.embeddings(model.extraction, model.comparison.views, protocol.source, task.digests)
        reranking = self.comparing.reranking(model.extraction, model.comparison, protocol, embeddings, task.digests)
        if reranking is None and not is_first():
            return embeddings, None, None
        return embeddings, evaluate_protocol(protocol, embeddings, reranking), reranking


def begun(
    options: Namespace,
    models: Sequence[Model],
    protocols: Sequence[EvaluationProtocol],
    computing: Computing,
    carried: Mapping[str, CarriedThreshold],
    *,
    keep: Callable[[Task, Recognition], None] = lambda task, found: None,
    discarding: Discarding = NONE,
) -> tuple[EvaluationRun, list[Task]]:
    """Make the folder of an evaluation, set an earlier one aside, and return what measures and its tasks.

    Args:
        options: Of ``experiments.evaluate``: ``out``, ``cache``, ``no_cache``, ``no_figures``, ``protocol``.
        models: What is evaluated.
        protocols: By what.
        computing: How models are run.
        carried: Thresholds of an earlier evaluation.
        keep: Called with each task and what was recognised.
        discarding: What error-versus-discard curves are made of.

    Raises:
        UserError: If a folder cannot be written, or there is nothing to measure.
        DataError: If an image cannot be read.
    """
    names = [folder_name(protocol) for protocol in protocols]
    folder = EvaluationFolder(Path(options.out), [model.name for model in models], names)
    cache = None if options.no_cache else Path(options.cache)
    if cache is not None:
        check_writable(cache, "--cache")
    tasks = paired(models, protocols)
    if is_first():
        folder.begin(asdict(given(models, options.protocol, carried)))
        for name, threshold in carried.items():
            print(f"{name}: {threshold.said()}, from {options.threshold_from}")
    run = EvaluationRun(folder, computing, cache, not options.no_figures, carried, keep, discarding=discarding)
    return run, tasks
