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
import itertools
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch.distributed as dist
from pytorch_lightning import Callback
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from datamodules.protocols import (
    EvaluationProtocol,
    ar_faces,
    bin_pairs,
    csv_identification,
    csv_pairs,
    lfw_occ,
    lfw_pairs,
)
from datamodules.protocols.copies import tell_copies
from datamodules.protocols.generated_protocol import generated_protocol
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES
from datamodules.protocols.lfw_occ.pair_occluder import SEVERITIES
from experiments.cli import REFUSALS, UserError, main
from experiments.evaluation.embedding import embed, image_digests, quiet_trainer
from experiments.evaluation.given_models import Model, described, given_models, probed
from experiments.evaluation.protocol_figures import draw_figures, draw_segmentation
from experiments.evaluation.protocol_measures import COUNTS, evaluate_protocol, readable
from experiments.evaluation.protocol_segmentation import LabelMaps, segment, segmentation_rows
from experiments.evaluation.results_folder import EvaluationFolder, Results, check_writable
from experiments.first_process import is_first, warn
from experiments.launch import Parser
from lightning_modules.networks.foreign import foreign, reason

TRAINER = ("accelerator", "devices", "precision")
SEVERAL = ""
"""Stands among the conditions of a name for one protocol that has several of them."""
PROTOCOLS = ("lfw", "lfw_occ", "bin", "ar", "pairs", "identification", "generated")


class Task(NamedTuple):
    """A model and a protocol."""

    model: Model
    protocol: EvaluationProtocol
    digests: Sequence[bytes]
    """Of the protocol's images."""

    @property
    def embeds(self) -> bool:
        """Whether embeddings are compared."""
        return "embedding" in self.model.makes

    @property
    def segments(self) -> bool:
        """Whether segmentations are compared with label maps."""
        return "segmentation" in self.model.makes and isinstance(self.protocol.source, LabelMaps)


def evaluate(args: Sequence[str]) -> None:
    """Check what can be checked, embed, measure, write and print.

    Raises:
        UserError: If an option is wrong, or a model cannot be built or used: before anything is measured. If something
            could not be measured: after all else is written.
        DataError: If a protocol's files cannot be used.
    """
    options = _parse(args)
    warnings.filterwarnings("ignore", message=".*LeafSpec")  # Lightning's, about itself
    warnings.filterwarnings(
        "ignore", message=".*(does not have many workers|DistributedSampler)"
    )  # chosen; counted once
    _check_trainer(options)
    models = given_models(options)
    protocols = told_apart([protocol for name in options.protocol for protocol in _protocols(name, options)])
    for protocol in protocols:
        for line in protocol.missing:
            print(f"{protocol.name}: left out: {line}")
    models = [probed(model, protocols[0].source) for model in models]
    folder = EvaluationFolder(Path(options.out), [m.name for m in models], [_folder(p) for p in protocols])
    if not options.no_cache:
        check_writable(Path(options.cache), "--cache")
    tasks = _tasks(models, protocols)
    if is_first():
        folder.begin({"models": {model.name: model.path for model in models}, "protocols": options.protocol})
    results: Results = {}
    try:
        failures = _evaluate(tasks, options, folder, results)
    except KeyboardInterrupt:
        raise UserError(f"stopped; what was finished before: {folder.path}") from None
    if not is_first():  # another process reports
        return
    for name in dict.fromkeys(protocol.name for protocol in protocols):
        if columns := {model: found[name] for model, found in results.items() if name in found}:
            Console().print(results_table(name, columns))
    if failures:
        raise UserError(
            f"{len(failures)} of {len(tasks)} evaluations failed: {'; '.join(failures)}; the others: {folder.path}"
        )
    print(f"Results and figures: {folder.path}")


def _check_trainer(options: argparse.Namespace) -> None:
    given = {name: getattr(options, name) for name in TRAINER if getattr(options, name) is not None}
    said = ", ".join(f"--{name} {value}" for name, value in given.items())
    try:
        with foreign("options that a trainer can have", said):
            quiet_trainer(Callback(), _trainer_options(options))
    except ValueError as error:
        raise UserError(str(error)) from error


def _trainer_options(options: argparse.Namespace) -> dict[str, Any]:
    return {**{name: getattr(options, name) for name in TRAINER}, "enable_progress_bar": False}


def _tasks(models: Sequence[Model], protocols: Sequence[EvaluationProtocol]) -> list[Task]:
    """Pair models and protocols; every image is read, so that a broken one shows before anything is embedded.

    Raises:
        UserError: If there is nothing to measure.
        DataError: If an image cannot be read.
    """
    listed = [Task(model, protocol, ()) for model in models for protocol in protocols]
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


def _evaluate(
    tasks: Sequence[Task], options: argparse.Namespace, folder: EvaluationFolder, results: Results
) -> list[str]:
    """Measure one after the other, write each result when it is there, and return what failed, a line each."""
    failures = []
    for task in tasks:
        name = f"{task.model.name} on {_folder(task.protocol)}"
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


def _measure(task: Task, options: argparse.Namespace, folder: EvaluationFolder, results: Results) -> None:
    """Put a task's measures among the results, write them, and draw its figures; in the first process only."""
    model, protocol = task.model, task.protocol
    loading = {"batch_size": options.batch_size, "num_workers": options.num_workers}
    common: dict[str, Any] = {**loading, "trainer_options": _trainer_options(options)}
    cache = None if options.no_cache else Path(options.cache)
    embeddings = confusion = None
    if task.embeds:
        embeddings = embed(model.extraction, protocol.source, digests=task.digests, cache=cache, **common)
    if task.segments:
        confusion = segment(model.extraction, protocol.source, **common)
    if not is_first():
        return
    evaluation = None if embeddings is None else evaluate_protocol(protocol, embeddings)
    rows = {} if evaluation is None else evaluation.rows()
    for condition, measures in {} if confusion is None else segmentation_rows(protocol, confusion).items():
        rows.setdefault(condition, {}).update(measures)
    results.setdefault(model.name, {}).setdefault(protocol.name, {}).update(readable(rows))
    folder.write(results)
    if options.no_figures:
        return
    figures = folder.figures(model.name, _folder(protocol))
    if embeddings is not None and evaluation is not None:
        draw_figures(protocol, embeddings, evaluation, figures)
    if "segmentation" in model.makes:
        draw_segmentation(model.extraction, protocol, figures)


def _protocols(name: str, options: argparse.Namespace) -> list[EvaluationProtocol]:
    allow = {"allow_missing": options.allow_missing}
    if name == "lfw":
        root = _needed(options, "root", name)
        return [lfw_pairs(root, options.pairs or pairs_beside(root), **allow)]
    if name == "lfw_occ":
        root = _needed(options, "root", name)
        pairs = options.pairs or pairs_beside(root)
        settings = {"severity": options.severity, "landmarks": options.alignment, **allow}
        return [lfw_occ(root, pairs, category, **settings) for category in options.categories]
    if name == "bin":
        return [bin_pairs(path) for path in _needed(options, "bin", name)]
    if name == "ar":
        return [ar_faces(_needed(options, "ar", name))]
    if name in ("pairs", "identification"):
        read = csv_pairs if name == "pairs" else csv_identification
        return [read(_needed(options, "root", name), _needed(options, "table", name), **allow)]
    return [generated_protocol() if name == "generated" else _own(name)]


def _own(path: str) -> EvaluationProtocol:
    protocol = described(path, EvaluationProtocol)
    return tell_copies(protocol, np.arange(len(protocol.source)))


def told_apart(protocols: Sequence[EvaluationProtocol]) -> list[EvaluationProtocol]:
    """Return protocols of which no two have a name and a folder of figures in common: the later gets a number.

    LFW's pairs and a file ``lfw.bin`` are both called ``lfw``. Protocols of one condition each, as LFW-occ's
    categories, share their name.
    """
    taken: dict[str, set[str]] = {}
    renamed = []
    for protocol in protocols:
        names = (protocol.name if n == 1 else f"{protocol.name}-{n}" for n in itertools.count(1))
        name = next(name for name in names if _may_share(taken.get(name, set()), _conditions(protocol)))
        taken.setdefault(name, set()).update(_conditions(protocol))
        if len(_conditions(protocol)) > 1:
            taken[name].add(SEVERAL)
        renamed.append(replace(protocol, name=name))
    return renamed


def _may_share(taken: set[str], conditions: Sequence[str]) -> bool:
    """Whether a protocol may have the name of others: of none, or of others of one condition each that is not its."""
    return not taken or (len(conditions) == 1 and SEVERAL not in taken and conditions[0] not in taken)


def _conditions(protocol: EvaluationProtocol) -> list[str]:
    return list(dict.fromkeys([*protocol.verification, *protocol.identification]))


def _needed(options: argparse.Namespace, option: str, protocol: str) -> Any:
    value = getattr(options, option)
    if not value:
        raise UserError(f"Expected --{option} with --protocol {protocol}, got none")
    return value


def pairs_beside(root: str) -> Path:
    """Return LFW's list of pairs in its folder or beside it.

    Raises:
        UserError: If there is none.
    """
    tried = [folder / name for folder in (Path(root), Path(root).parent) for name in ("pairs.txt", "lfw_pairs.txt")]
    for path in tried:
        if path.is_file():
            return path
    raise UserError(f"Expected --pairs, or one of {', '.join(map(str, tried))}, got none")


def results_table(protocol: str, results: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> Table:
    """Return a protocol's table: conditions and measures by models."""
    table = Table(title=protocol, box=SIMPLE_HEAD, collapse_padding=True, caption="rates in %; –: not measurable")
    for heading in ("condition", "measure"):
        table.add_column(heading)
    for model in results:
        table.add_column(model, justify="right")
    for condition in dict.fromkeys(c for found in results.values() for c in found):
        columns = [found.get(condition, {}) for found in results.values()]
        measures = [m for m in dict.fromkeys(m for values in columns for m in values) if not m.endswith("_std")]
        for measure in measures:
            first, last = measure == measures[0], measure == measures[-1]
            cells = (_cell(values, measure) for values in columns)
            table.add_row(condition if first else "", measure.replace("_", " "), *cells, end_section=last)
    return table


def _cell(values: Mapping[str, float | None], measure: str) -> str:
    value = values.get(measure)
    if value is None:
        return "–" if measure in values else ""
    if measure in COUNTS:
        return f"{value:,.0f}"
    if measure == "decidability":
        return f"{value:.2f}"
    spread = values.get(f"{measure}_std")
    return f"{100 * value:.2f}" + (f" ± {100 * spread:.2f}" if spread is not None else "")


def _folder(protocol: EvaluationProtocol) -> str:
    conditions = _conditions(protocol)
    alone = len(conditions) == 1 and conditions != ["all"]
    return f"{protocol.name}_{conditions[0]}" if alone else protocol.name


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"Expected --batch-size of at least 1, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"Expected --num-workers of at least 0, got {text!r}")
    return int(text)


def _protocol_name(name: str) -> str:
    if name not in PROTOCOLS and Path(name).suffix not in (".yaml", ".yml"):
        raise UserError(f"Expected --protocol among {', '.join(PROTOCOLS)}, or a YAML file, got {name!r}")
    return name


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m experiments.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", action="append", default=[], help="of a run of this suite")
    parser.add_argument("--config", help="the run's config.yaml, where it is not in the folder above the checkpoint's")
    parser.add_argument("--extractor", action="append", default=[], help="YAML file of an extractor")
    said = f"{', '.join(PROTOCOLS)}, or the YAML file of one of your own"
    parser.add_argument("--protocol", action="append", type=_protocol_name, required=True, help=said)
    parser.add_argument("--root", help="folder of images, for lfw, pairs and identification")
    parser.add_argument("--pairs", help="LFW's list of pairs; by default pairs.txt in or beside the root")
    parser.add_argument("--categories", nargs="+", default=list(LFW_OCC_CATEGORIES), help="occluders of lfw_occ")
    parser.add_argument("--severity", choices=tuple(SEVERITIES), help="how much of the face lfw_occ covers")
    parser.add_argument("--alignment", default="lfw", help="of LFW's crops, for lfw_occ: lfw or arcface")
    parser.add_argument("--bin", action="append", default=[], help="an InsightFace .bin set")
    parser.add_argument("--ar", help="folder of the AR face database")
    parser.add_argument("--table", help="CSV file of pairs, or of gallery and probes")
    parser.add_argument("--allow-missing", action="store_true", help="leave out what needs a missing image, and say so")
    parser.add_argument("--out", default="runs/evaluation")
    parser.add_argument("--cache", default="runs/embeddings")
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--no-figures", action="store_true")
    parser.add_argument("--batch-size", type=_positive, default=256)
    parser.add_argument("--num-workers", type=_count, default=0)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", default="1")
    parser.add_argument("--precision")
    options = parser.parse_args(args)
    if not options.checkpoint and not options.extractor:
        raise UserError("Expected --checkpoint or --extractor, got neither")
    if options.config and len(options.checkpoint) != 1:
        raise UserError(f"Expected one --checkpoint with --config, got {len(options.checkpoint)}")
    return options


if __name__ == "__main__":
    main(evaluate)
