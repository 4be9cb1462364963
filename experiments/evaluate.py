"""Evaluate models by protocols: checkpoints of this suite, or anybody's network.

    python -m experiments.evaluate --checkpoint runs/…/checkpoints/last.ckpt --protocol lfw --root LFW --pairs pairs.txt
    python -m experiments.evaluate --extractor resnet.yaml --protocol bin --bin lfw.bin --protocol ar --ar AR
    python -m experiments.evaluate --extractor sface.onnx --mean 0 --std 1 --protocol generated

Every distinct image is embedded once and kept below ``runs/embeddings``, by all that its embedding depends on. What
segments is also compared with the label maps that a protocol has. Printed are tables, written below ``--out`` are
``results.json``, ``results.csv`` and figures, each as soon as it is there; earlier ones are set aside. What fails is
said and costs nothing else; the exit status is then 1. ``--extractor`` names an ONNX or TorchScript file, or a YAML
file with the ``class_path`` and ``init_args`` of a class of ``lightning_modules.extractors``, ``--protocol mine.yaml``
one with those of any function that returns an ``EvaluationProtocol``. The options can be given several times.
``--views mirror`` averages views of each face, ``--matched MASKS`` compares faces that are covered alike; each is told
beside the plain comparison. ``--quality norm`` and ``--quality MASKS`` tell which errors are left when the pairs of the
worst images are discarded.
"""

import warnings
from collections.abc import Sequence

from experiments import cli, evaluation
from experiments.cli.shown_table import show_table
from experiments.cli.user_errors import UserError, main
from experiments.evaluation.evaluation_options import parsed


def evaluate(args: Sequence[str]) -> None:
    """Check what can be checked, embed, measure, write and print.

    Raises:
        UserError: If an option is wrong, or a model cannot be built or used: before anything is measured. If something
            could not be measured: after all else is written.
        DataError: If a protocol's files cannot be used.
    """
    options = parsed(args, __doc__)
    cli.silence()
    # chosen; counted once
    warnings.filterwarnings("ignore", message=".*(does not have many workers|DistributedSampler)")
    computing = evaluation.Computing(options.batch_size, options.num_workers, evaluation.trainer_options(options))
    evaluation.check_pixel_options(options)
    models = evaluation.given_models(options)
    protocols = evaluation.named_protocols(options)
    evaluation.check_alignments(models, protocols, allow_other=options.allow_other_alignment)
    models = [evaluation.probed(model, protocols[0].source) for model in models]
    models = evaluation.compared_models(options, models, protocols)
    discarding = evaluation.read_discarding(options, protocols)
    carried = evaluation.carried_thresholds(options, models)
    run, tasks = evaluation.begun(options, models, protocols, computing, carried, discarding=discarding)
    try:
        failures = run.measure(tasks)
    except KeyboardInterrupt:
        raise UserError(f"stopped; what was finished before: {run.folder.path}") from None
    if cli.is_first():  # the first process reports
        _report(run, [protocol.name for protocol in protocols], failures, len(tasks))


def _report(run: "evaluation.EvaluationRun", protocols: Sequence[str], failures: Sequence[str], tasks: int) -> None:
    for name in dict.fromkeys(protocols):
        if columns := {model: found[name] for model, found in run.results.items() if name in found}:
            show_table(evaluation.measure_table(name, columns))
    if failures:
        failed = f"{len(failures)} of {tasks} evaluations failed: {'; '.join(failures)}"
        raise UserError(f"{failed}; the others: {run.folder.path}")
    print(f"Results and figures: {run.folder.path}")


if __name__ == "__main__":
    main(evaluate)
