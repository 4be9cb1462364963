"""The options of an evaluation."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from datamodules.protocols.generated_protocol import COVERED_SEED
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES
from datamodules.protocols.lfw_occ.pair_occluder import SEVERITIES
from experiments.cli import UserError
from experiments.cli.arguments import Parser, rate, whole
from experiments.evaluation.labelled_sets import LABELLED, labelled_option
from experiments.evaluation.matching.comparison_options import add_comparisons
from experiments.evaluation.named_protocols import PROTOCOLS
from experiments.evaluation.quality.quality_options import add_quality

EXTRACTOR = "an ONNX or TorchScript file, an exported folder, or a YAML file with class and settings of an extractor"


def parsed(args: Sequence[str], description: str) -> argparse.Namespace:
    """Return the options of a command line.

    Raises:
        UserError: If one is wrong.
    """
    parser = Parser(
        prog="python -m experiments.evaluate",
        description=description,
    )
    parts = (_add_models, add_pixels, add_protocols, add_comparisons, add_quality, _add_threshold, _add_files)
    for add in (*parts, add_loading):
        add(parser)
    options = parser.parse_args(args)
    if not options.checkpoint and not options.extractor:
        raise UserError("Expected --checkpoint or --extractor, got neither")
    if options.config and len(options.checkpoint) != 1:
        raise UserError(f"Expected one --checkpoint with --config, got {len(options.checkpoint)}")
    if options.occluders and (options.severity or options.categories != list(LFW_OCC_CATEGORIES)):
        raise UserError("Expected --occluders without --severity and --categories: the folder's images say them")
    for option, protocol in (("labels", "mfr2"), ("pickles", "rof")):
        if getattr(options, option) and protocol not in options.protocol:
            raise UserError(f"Expected --protocol {protocol} with --{option}, got {', '.join(options.protocol)}")
    for option in ("threshold_protocol", "threshold_far"):
        if options.threshold_from is None and getattr(options, option) is not None:
            raise UserError(f"Expected --threshold-from with --{option.replace('_', '-')}, got none")
    return options


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", action="append", default=[], help="of a run of this suite")
    parser.add_argument("--config", help="the run's config.yaml, where it is not in the folder above the checkpoint's")
    parser.add_argument("--extractor", action="append", default=[], help=EXTRACTOR)


def add_pixels(parser: argparse.ArgumentParser) -> None:
    """Add what networks' own files do not say of their pixels."""
    parser.add_argument("--image-size", type=whole("--image-size", 1), help="side of the images of --extractor in px")
    parser.add_argument("--mean", type=float, nargs="+", help="of its pixels in 0 to 255, R G B or one; default 127.5")
    parser.add_argument("--std", type=float, nargs="+", help="what they are divided by; default 127.5")
    parser.add_argument("--bgr", action="store_true", help="it takes blue first")


def add_protocols(parser: argparse.ArgumentParser) -> None:
    """Add the protocols and where their files are."""
    said = f"{', '.join(PROTOCOLS)}, or the YAML file of one of your own"
    parser.add_argument("--protocol", action="append", type=_protocol_name, required=True, help=said)
    parser.add_argument("--root", help="folder of images, for lfw, mfr2, rof, rmfrd, pairs, identification")
    parser.add_argument("--pairs", help="LFW's or MFR2's list of pairs; by default pairs.txt in or beside the root")
    parser.add_argument(
        "--labels", help="MFR2's list of what is worn; by default mfr2_labels.txt in or beside the root"
    )
    named = list(LFW_OCC_CATEGORIES)
    parser.add_argument(
        "--pickles", help="ROF's folder of pickles; by default ROF in or beside the root, if it is there"
    )
    parser.add_argument("--categories", nargs="+", choices=named, default=named, help="occluders of lfw_occ")
    parser.add_argument("--severity", choices=tuple(SEVERITIES), help="how much of the face lfw_occ covers")
    parser.add_argument("--occluders", help="folder of own occluder images, in the place of lfw_occ's")
    parser.add_argument("--alignment", help="of lfw_occ's crops, where nothing declares it: lfw (default), arcface")
    parser.add_argument("--allow-other-alignment", action="store_true", help="of faces than a model's, and say so")
    parser.add_argument("--bin", action="append", default=[], help="an InsightFace .bin set")
    parser.add_argument("--labelled", action="append", default=[], type=labelled_option, help=LABELLED)
    parser.add_argument("--ar", help="folder of the AR face database")
    parser.add_argument(
        "--faces-seed", type=whole("--faces-seed", 0), default=COVERED_SEED, help="of covered's identities"
    )
    parser.add_argument("--table", help="CSV file of pairs, or of gallery and probes")
    parser.add_argument("--meta", help="folder of an IJB protocol's lists, for templates")
    said = "what several images of a face are: templates, mean unless given; gallery images, alone unless given"
    parser.add_argument("--join", choices=("alone", "mean", "quality"), help=said)
    parser.add_argument("--allow-missing", action="store_true", help="leave out what needs a missing image, and say so")
    said = "of people, images or pairs than are published of mfr2, rof and rmfrd, and say so"
    parser.add_argument("--allow-other-counts", action="store_true", help=said)


def _add_threshold(parser: argparse.ArgumentParser) -> None:
    said = "data sets of people drawn anew; by default 500 for mfr2, rof and rmfrd, else none"
    parser.add_argument("--intervals", type=whole("--intervals", 0), help=said)
    parser.add_argument("--threshold-from", help="results.json of an evaluation whose threshold is used in this one")
    parser.add_argument("--threshold-protocol", help="the protocol there that sets it, or a condition: lfw_occ/cup")
    parser.add_argument(
        "--threshold-far", type=rate("--threshold-far"), help="false accept rate it is set for; by default the lowest"
    )


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="runs/evaluation")
    parser.add_argument("--cache", default="runs/embeddings")
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--no-figures", action="store_true")


def add_loading(parser: argparse.ArgumentParser) -> None:
    """Add how a model is run over images."""
    parser.add_argument("--batch-size", type=whole("--batch-size", 1), default=256)
    parser.add_argument("--num-workers", type=whole("--num-workers", 0), default=0)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", default="1")
    parser.add_argument("--precision")


def _protocol_name(name: str) -> str:
    if name not in PROTOCOLS and Path(name).suffix not in (".yaml", ".yml"):
        raise UserError(f"Expected --protocol among {', '.join(PROTOCOLS)}, or a YAML file, got {name!r}")
    return name
