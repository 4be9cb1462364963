"""Evaluate models by protocols: checkpoints of this suite, or anybody's network.

    python -m experiments.evaluate --checkpoint runs/…/checkpoints/last.ckpt --protocol lfw --root LFW --pairs pairs.txt
    python -m experiments.evaluate --extractor resnet.yaml --protocol bin --bin lfw.bin --protocol ar --ar AR
    python -m experiments.evaluate --checkpoint … --protocol generated

Every distinct image is embedded once and kept below ``runs/embeddings``, by all that its embedding depends on. What
segments is also compared with the label maps that a protocol has. Printed are tables, written below ``--out`` are
``results.json``, ``results.csv`` and figures, each as soon as it is there; earlier ones are set aside. What fails is
said and costs nothing else; the exit status is then 1. ``--extractor`` names a YAML file with the ``class_path`` and
``init_args`` of a class of ``lightning_modules.extractors``, ``--protocol mine.yaml`` one with those of any function
that returns an ``EvaluationProtocol``. The options can be given several times.
"""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback
from rich.console import Console

from experiments.cli import UserError, main
from experiments.cli.first_process import is_first
from experiments.cli.foreign_chatter import silence
from experiments.evaluation.evaluation_options import parsed
from experiments.evaluation.evaluation_tasks import EvaluationRun, paired
from experiments.evaluation.face_outputs import Computing, quiet_trainer
from experiments.evaluation.given_models import given_models, probed
from experiments.evaluation.measure_table import measure_table
from experiments.evaluation.named_protocols import folder_name, named_protocols
from experiments.evaluation.results_folder import EvaluationFolder, Results, check_writable
from lightning_modules.networks.foreign import foreign


def evaluate(args: Sequence[str]) -> None:
    """Check what can be checked, embed, measure, write and print.

    Raises:
        UserError: If an option is wrong, or a model cannot be built or used: before anything is measured. If something
            could not be measured: after all else is written.
        DataError: If a protocol's files cannot be used.
    """
    options = parsed(args, __doc__)
    silence()
    warnings.filterwarnings(
        "ignore", message=".*(does not have many workers|DistributedSampler)"
    )  # chosen; counted once
    trainer_options = _trainer_options(options)
    models = given_models(options)
    protocols = named_protocols(options)
    models = [probed(model, protocols[0].source) for model in models]
    folder = EvaluationFolder(Path(options.out), [m.name for m in models], [folder_name(p) for p in protocols])
    cache = None if options.no_cache else Path(options.cache)
    if cache is not None:
        check_writable(cache, "--cache")
    tasks = paired(models, protocols)
    if is_first():
        folder.begin({"models": {model.name: model.path for model in models}, "protocols": options.protocol})
    computing = Computing(options.batch_size, options.num_workers, trainer_options)
    evaluation = EvaluationRun(folder, computing, cache, draws=not options.no_figures)
    try:
        failures = evaluation.measure(tasks)
    except KeyboardInterrupt:
        raise UserError(f"stopped; what was finished before: {folder.path}") from None
    if is_first():  # the first process reports
        _print(evaluation.results, list(dict.fromkeys(protocol.name for protocol in protocols)))
        if failures:
            failed = f"{len(failures)} of {len(tasks)} evaluations failed: {'; '.join(failures)}"
            raise UserError(f"{failed}; the others: {folder.path}")
        print(f"Results and figures: {folder.path}")


def _trainer_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the trainer's settings among the options, refused where no trainer can have them."""
    found = {name: getattr(options, name) for name in ("accelerator", "devices", "precision")}
    said = ", ".join(f"--{name} {value}" for name, value in found.items() if value is not None)
    try:
        with foreign("options that a trainer can have", said):
            quiet_trainer(Callback(), settings := {**found, "enable_progress_bar": False})
    except ValueError as error:
        raise UserError(str(error)) from error
    return settings


def _print(results: Results, protocols: Sequence[str]) -> None:
    for name in protocols:
        if columns := {model: found[name] for model, found in results.items() if name in found}:
            Console().print(measure_table(name, columns))


if __name__ == "__main__":
    main(evaluate)
