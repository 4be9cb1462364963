"""Evaluate models by protocols: checkpoints of this suite, or anybody's network.

    python -m experiments.evaluate --checkpoint runs/…/checkpoints/last.ckpt --protocol lfw --root LFW --pairs pairs.txt
    python -m experiments.evaluate --extractor resnet.yaml --protocol bin --bin lfw.bin --protocol ar --ar AR
    python -m experiments.evaluate --checkpoint … --protocol generated

Every distinct image is embedded once and kept below ``runs/embeddings``, by weights, preprocessing and pixels. Printed
are tables, written below ``--out`` are ``results.json``, ``results.csv`` and figures. ``--extractor`` names a YAML file
with the ``class_path`` and ``init_args`` of a class of ``lightning_modules.extractors``, ``--protocol mine.yaml`` one
with those of any function that returns an ``EvaluationProtocol``. The options can be given several times.
"""

import argparse
import csv
import itertools
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import torch.distributed as dist
import yaml
from jsonargparse import ArgumentError, ArgumentParser
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from datamodules.occluders.drawn import CATEGORIES
from datamodules.protocols import (
    EvaluationProtocol,
    ar_faces,
    bin_pairs,
    csv_identification,
    csv_pairs,
    lfw_occ,
    lfw_pairs,
)
from datamodules.protocols.lfw_occ_draw import SEVERITIES
from experiments.checkpoint import load_trained
from experiments.cli import REFUSALS, UserError, brief, main, root_cause
from experiments.embedding import Extraction, embed
from experiments.evaluation import COUNTS, Evaluation, evaluate_protocol, readable
from experiments.evaluation_report import draw_figures, draw_segmentation
from experiments.generated_protocol import generated_protocol
from experiments.launch import Parser
from experiments.results import write_json, write_text
from lightning_modules.extractors import Extractor

PROTOCOLS = ("lfw", "lfw_occ", "bin", "ar", "pairs", "identification", "generated")

Described = TypeVar("Described")

Results = dict[str, dict[str, dict[str, dict[str, float | None]]]]
"""Model → protocol → condition → measure."""


def evaluate(args: Sequence[str]) -> None:
    """Embed, measure, print and write.

    Raises:
        UserError: If an option is wrong, or a model cannot be built.
        DataError: If a protocol's files cannot be used.
    """
    options = _parse(args)
    warnings.filterwarnings("ignore", message=".*LeafSpec")  # Lightning's, about itself
    protocols = told_apart([protocol for name in options.protocol for protocol in _protocols(name, options)])
    for protocol in protocols:
        for line in protocol.missing:
            print(f"{protocol.name}: left out: {line}")
    models = [_trained(path, options.config) for path in options.checkpoint]
    models += [_extractor(path) for path in options.extractor]
    out = Path(options.out)
    results: Results = {}
    for model in models:
        for protocol in protocols:
            found = _evaluate(model, protocol, options)
            if found is not None:
                rows = readable(found[1].rows())
                results.setdefault(model.name, {}).setdefault(protocol.name, {}).update(rows)
                if not options.no_figures:
                    folder = out / _slug(model.name) / _slug(_folder(protocol))
                    draw_figures(protocol, *found, folder)
                    draw_segmentation(model, protocol, folder)
    if not results:  # another process reports
        return
    for name in dict.fromkeys(protocol.name for protocol in protocols):
        Console().print(results_table(name, {model: found[name] for model, found in results.items()}))
    write_json(out / "results.json", results)
    write_csv(out / "results.csv", results)
    print(f"Results and figures: {out}")


def _evaluate(
    model: Extraction, protocol: EvaluationProtocol, options: argparse.Namespace
) -> tuple[Any, Evaluation] | None:
    """Return embeddings and measures, in the first process only."""
    trainer = {"accelerator": options.accelerator, "devices": options.devices, "precision": options.precision}
    embeddings = embed(
        model,
        protocol.source,
        cache=None if options.no_cache else Path(options.cache),
        batch_size=options.batch_size,
        num_workers=options.num_workers,
        trainer_options={**trainer, "enable_progress_bar": False},
    )
    if dist.is_initialized() and dist.get_rank() > 0:
        return None
    return embeddings, evaluate_protocol(protocol, embeddings)


def _protocols(name: str, options: argparse.Namespace) -> list[EvaluationProtocol]:
    allow = {"allow_missing": options.allow_missing}
    if name == "lfw":
        root = _needed(options, "root", name)
        return [lfw_pairs(root, options.pairs or _pairs_beside(root), **allow)]
    if name == "lfw_occ":
        root = _needed(options, "root", name)
        pairs = options.pairs or _pairs_beside(root)
        settings = {"severity": options.severity, "landmarks": options.alignment, **allow}
        return [lfw_occ(root, pairs, category, **settings) for category in options.categories]
    if name == "bin":
        return [bin_pairs(path) for path in _needed(options, "bin", name)]
    if name == "ar":
        return [ar_faces(_needed(options, "ar", name))]
    if name in ("pairs", "identification"):
        read = csv_pairs if name == "pairs" else csv_identification
        return [read(_needed(options, "root", name), _needed(options, "table", name), **allow)]
    return [generated_protocol() if name == "generated" else _described(name, EvaluationProtocol)]


def told_apart(protocols: Sequence[EvaluationProtocol]) -> list[EvaluationProtocol]:
    """Return protocols of which no two have a condition of one name in common: the later gets a number.

    LFW's pairs and a file ``lfw.bin`` are both called ``lfw``.
    """
    taken: set[tuple[str, str]] = set()
    renamed = []
    for protocol in protocols:
        conditions = {*protocol.verification, *protocol.identification}
        names = (protocol.name if n == 1 else f"{protocol.name}-{n}" for n in itertools.count(1))
        name = next(name for name in names if not taken & {(name, condition) for condition in conditions})
        taken |= {(name, condition) for condition in conditions}
        renamed.append(replace(protocol, name=name))
    return renamed


def _needed(options: argparse.Namespace, option: str, protocol: str) -> Any:
    value = getattr(options, option)
    if not value:
        raise UserError(f"Expected --{option} with --protocol {protocol}, got none")
    return value


def _pairs_beside(root: str) -> Path:
    tried = [folder / name for folder in (Path(root), Path(root).parent) for name in ("pairs.txt", "lfw_pairs.txt")]
    for path in tried:
        if path.is_file():
            return path
    raise UserError(f"Expected --pairs, or one of {', '.join(map(str, tried))}, got none")


def _trained(checkpoint: str, config: str | None) -> Extraction:
    trained = load_trained(checkpoint, config)
    path = Path(checkpoint).resolve()
    run = "-".join(path.parts[-4:-2]) if path.parent.name == "checkpoints" else path.stem
    return Extraction(trained.module, trained.image_size, f"{trained.system} ({run})")


def _extractor(path: str) -> Extraction:
    built = _described(path, Extractor)
    return Extraction(built, built.image_size, Path(path).stem)


def _described(path: str, kind: type[Described]) -> Described:
    """Build what a YAML file describes by ``class_path`` and ``init_args``."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--described", type=kind)
    try:
        content = yaml.safe_load(Path(path).read_text())
        built: Described = parser.instantiate(parser.parse_object({"described": content})).described
    except (OSError, yaml.YAMLError, ArgumentError) as error:
        raise UserError(f"{path}: {brief(str(error))}") from error
    except REFUSALS as error:
        raise UserError(f"{path}: {brief(str(root_cause(error)))}") from error
    return built


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
    conditions = [*protocol.verification, *protocol.identification]
    alone = len(conditions) == 1 and conditions != ["all"]
    return f"{protocol.name}_{conditions[0]}" if alone else protocol.name


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("_")


def write_csv(path: Path, results: Results) -> None:
    """Write one line for each measure."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(("model", "protocol", "condition", "measure", "value"))
    for model, protocols in results.items():
        for protocol, conditions in protocols.items():
            for condition, values in conditions.items():
                for measure, value in values.items():
                    writer.writerow((model, protocol, condition, measure, "" if value is None else json.dumps(value)))
    write_text(path, text.getvalue())


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
    parser.add_argument("--categories", nargs="+", default=list(CATEGORIES), help="occluders of lfw_occ")
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
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--num-workers", type=int, default=0)
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
