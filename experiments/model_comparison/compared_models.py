"""Every model of a folder by every protocol of a comparison."""

import csv
import io
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from callbacks.metrics.metric_checks import measurable
from callbacks.recognition.recognise import Recognition
from datamodules.errors import DataError
from datamodules.protocols import EvaluationProtocol
from datamodules.whole_file import write_whole
from experiments import evaluation
from experiments.cli import UserError
from experiments.cli.first_process import warn
from experiments.evaluation.evaluation_options import parsed
from experiments.evaluation.given_models import Model, told_models
from experiments.evaluation.paired_tasks import Task
from experiments.evaluation.realised_measures import CarriedThreshold
from experiments.evaluation.results_folder import COMPARISON
from experiments.model_comparison.comparison_file import ModelComparison
from experiments.model_comparison.comparison_tables import CLEAN, Estimates
from experiments.model_comparison.condition_scores import ConditionScores, RateEstimate, estimates
from experiments.model_comparison.listed_models import listed_models

SETTLED = (
    *("--checkpoint", "--config", "--extractor", "--protocol", "--severity", "--root"),
    *("--threshold-from", "--threshold-protocol", "--threshold-far"),
)
"""Options of ``experiments.evaluate`` that are settled already: another severity would stand under the table's name."""


class ComparedModels:
    """Models, protocols, and what was found.

    Args:
        comparison: What is asked for.
        options: ``models``, ``lfw``, ``pairs`` and ``out``.
        others: Further options of ``experiments.evaluate``.

    Attributes:
        models: Those that embed the faces.
        left_out: What is no such model, and why, a line each.
        carried: Each model's threshold, once it is measured.
        folder: Where everything is written.

    Raises:
        UserError: If an option is wrong, or no model is left.
        DataError: If a protocol's files cannot be used.
    """

    def __init__(self, comparison: ModelComparison, options: Namespace, others: Sequence[str]) -> None:
        _check_not_settled(others)
        self.comparison = comparison
        self.folder = Path(options.out)
        self.left_out: list[str] = []
        self.carried: dict[str, CarriedThreshold] = {}
        pairs = [] if options.pairs is None else [f"--pairs={options.pairs}"]
        self._words = [f"--root={options.lfw}", *pairs, f"--out={options.out}", "--no-figures", *others]
        files = listed_models(Path(options.models))
        self.clean, *more = (
            self._protocols(files, setting.words()) for setting in (comparison.clean, *comparison.occluded)
        )
        self.occluded = dict(zip((setting.name for setting in comparison.occluded), more, strict=True))
        if [len(protocol.verification) for protocol in self.clean] != [1]:
            raise UserError(f"Expected one condition of pairs of clean faces, got {comparison.clean.protocol}")
        self._options = self._parsed(files, comparison.clean.words())
        evaluation.check_pixel_options(self._options)
        self._check_measurable()
        self.models = told_models([model for file in files if (model := self._usable(file)) is not None])
        if not self.models:
            raise UserError(f"{options.models}: expected a recogniser, got none: {'; '.join(self.left_out)}")
        protocols = [protocol for _, protocol in self._settings()]
        self.models = evaluation.compared_models(self._options, self.models, protocols)
        self._scores: dict[str, dict[str, ConditionScores]] = {model.name: {} for model in self.models}

    def measure(self) -> list[str]:
        """Evaluate clean faces, set thresholds by them, evaluate the others; return what failed, a line each.

        Raises:
            UserError: If stopped, or no model has a threshold.
        """
        asked = [setting.said for setting in (self.comparison.clean, *self.comparison.occluded)]
        options = Namespace(**{**vars(self._options), "protocol": asked})
        protocols = [protocol for _, protocol in self._settings()]
        computing = evaluation.Computing(options.batch_size, options.num_workers, evaluation.trainer_options(options))
        run, tasks = evaluation.begun(options, self.models, protocols, computing, {}, keep=self._keep)
        clean = [task for task in tasks if task.protocol is self.clean[0]]
        try:
            failures = run.measure(clean)
            self.carried = run.carried = self._thresholds(run.results)
            if not self.carried:
                raise UserError(f"no model could be evaluated: {'; '.join(failures)}")
            failures += run.measure([task for task in tasks if task not in clean and task.model.name in self.carried])
        except KeyboardInterrupt:
            raise UserError(f"stopped; what was finished before: {self.folder}") from None
        return failures

    def estimates(self) -> Estimates:
        """Return every measure with its draws, and write each with its interval to ``comparison.csv``."""
        asked = self.comparison
        found: dict[str, dict[str, dict[str, RateEstimate]]] = {}
        for model, threshold in self.carried.items():
            measured = partial(estimates, threshold=threshold.value, replicates=asked.replicates, seed=asked.seed)
            found[model] = {name: measured(scores, asked.measures) for name, scores in self._scores[model].items()}
        write_whole(self.folder / COMPARISON, _as_csv(found))
        return found

    def _settings(self) -> list[tuple[str, EvaluationProtocol]]:
        return [(name, one) for name, protocols in (("", self.clean), *self.occluded.items()) for one in protocols]

    def _keep(self, task: Task, found: Recognition) -> None:
        setting = next(name for name, protocol in self._settings() if protocol is task.protocol)
        for condition, verified in found.verification.items():
            name = f"{condition.partition('/')[0]}/{setting}" if setting else CLEAN
            self._scores[task.model.name][name] = ConditionScores.of(task.protocol, condition, verified)

    def _thresholds(self, results: evaluation.Results) -> dict[str, CarriedThreshold]:
        far, protocol = f"{self.comparison.threshold_far:g}", self.clean[0]
        (condition,) = protocol.verification
        name, setting = f"threshold@far={far}", f"{protocol.name}/{condition}"
        values = {model: found[protocol.name][condition].get(name) for model, found in results.items()}
        return {model: CarriedThreshold(value, far, setting) for model, value in values.items() if value is not None}

    def _check_measurable(self) -> None:
        """Refuse clean pairs by which no threshold can be set, before anything is embedded."""
        (pairs,) = self.clean[0].verification.values()
        genuine, far = int(pairs.same.sum()), self.comparison.threshold_far
        impostors = len(pairs) - genuine
        if not genuine or not measurable([far], impostors)[0]:
            raise UserError(
                f"{self.clean[0].name}: expected pairs for a threshold at FAR {far:g}, got {impostors} impostors and "
                f"{genuine} genuine"
            )

    def _parsed(self, files: Sequence[str], words: Sequence[str]) -> Namespace:
        return parsed([*(f"--extractor={file}" for file in files), *words, *self._words], "")

    def _protocols(self, files: Sequence[str], words: Sequence[str]) -> list[EvaluationProtocol]:
        return evaluation.named_protocols(self._parsed(files, words))

    def _usable(self, file: str) -> Model | None:
        """Return a file's recogniser, which embeds these faces, or ``None``; why there is none is kept and said."""
        try:
            (model,) = evaluation.given_models(self._parsed([file], self.comparison.clean.words()))
            evaluation.check_alignments([model], self.clean, allow_other=self._options.allow_other_alignment)
            model = evaluation.probed(model, self.clean[0].source)
            if "embedding" not in model.makes:
                raise UserError(f"{file}: expected embeddings, got segmentations")
        except (UserError, DataError) as error:
            self.left_out.append(f"{file}: {error}")
            warn(f"left out: {self.left_out[-1]}")
            return None
        return model


def _check_not_settled(options: Sequence[str]) -> None:
    given = [word.partition("=")[0] for word in options]
    if settled := [option for option in given if option in SETTLED]:
        raise UserError(
            f"Expected options of experiments.evaluate, got {settled[0]}, which --models, --lfw and --table settle"
        )


def _as_csv(found: Estimates) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("model", "condition", "measure", "value", "low", "high"))
    for model, conditions in found.items():
        for condition, measures in conditions.items():
            for measure, estimate in measures.items():
                writer.writerow(
                    (model, condition, measure, *(f"{v:.6f}" for v in (estimate.value, *estimate.interval)))
                )
    return text.getvalue()
