"""Aligned crops of a folder of faces, from a list of landmarks or a detector of your own.

    python -m experiments.align --images ROOT --landmarks TABLE --out FOLDER [--size 112|224|100] [--grey]
                                [--template arcface|lfw] [--transform similarity|affine] [--format jpg|png]
                                [--detector yunet|module:factory] [--detector-model FILE] [--workers N]
                                [--allow-failures]

Crops keep the folder layout below ROOT, so that FOLDER is a dataset of its own. Those that are there are not made
again. Beside them: align_settings.json, align_report.json, and failed.csv with the reason for each face without a
crop. Ends with exit status 1 if there is one, unless --allow-failures. See docs/alignment.md.
"""

import argparse
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import track

from datamodules.alignment import (
    TRANSFORMS,
    Aligner,
    CropFolder,
    CropOutcome,
    CropReport,
    LandmarkTable,
    UnalignedFaces,
    align_folder,
    load_detector,
)
from datamodules.alignment.crop_report import REPORT
from datamodules.sources import ALIGNMENTS
from experiments.cli import UserError, main
from experiments.cli.arguments import Parser, check_outside, count, whole


def align(args: Sequence[str]) -> None:
    """Align a folder and write the report.

    Raises:
        UserError: If an option is wrong, or a face has no crop and that is not allowed.
        DataError: If images, landmarks, detector or output cannot be used.
    """
    options = _parse(args)
    aligner = _aligner(options)
    images, out = Path(options.images), Path(options.out)
    check_outside(out, "--images", images)
    table = None if options.landmarks is None else LandmarkTable(options.landmarks)
    detector = None if options.detector is None else load_detector(options.detector, options.detector_model)
    faces = UnalignedFaces(images, table, detector)
    cv2.setNumThreads(1)  # the pool's threads are those of --workers
    with CropFolder(out, asdict(aligner), size=aligner.size, format=options.format) as crops:
        start = time.perf_counter()
        outcomes = align_folder(faces, aligner, crops, workers=options.workers)
        report = CropReport(_shown(outcomes, len(faces.names)))
        seconds = time.perf_counter() - start
        made_of = {name: getattr(options, name) for name in ("images", "landmarks", "detector", "detector_model")}
        report.write(out, {**made_of, "settings": crops.settings}, seconds)
    _conclude(report, out, seconds, allowed=options.allow_failures)


def _aligner(options: argparse.Namespace) -> Aligner:
    try:
        return Aligner(options.size, options.grey, options.template, options.transform)
    except ValueError as error:
        raise UserError(str(error)) from error


def _shown(outcomes: Iterable[CropOutcome], total: int) -> Iterable[CropOutcome]:
    """Show how far it is, on a terminal."""
    console = Console(stderr=True)
    return track(outcomes, "Aligning", total, console=console, disable=not console.is_terminal)


def _conclude(report: CropReport, out: Path, seconds: float, *, allowed: bool) -> None:
    """Print what was done; failures are an error unless they are allowed.

    Raises:
        UserError: If there are failures and they are not allowed.
    """
    rate = f", {report.aligned / seconds:.0f} a second" if report.aligned and seconds else ""
    print(f"Aligned: {report.aligned:,}{rate}; already there: {report.already_there:,}; failed: {len(report.failed):,}")
    print(f"Crops and {REPORT}: {out}")
    if report.failed:
        if not allowed:
            raise UserError(f"{report.describe(out)}; --allow-failures accepts that")
        print(report.describe(out))


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m experiments.align",
        description=__doc__,
    )
    parser.add_argument("--images", required=True, help="folder of images, at any depth")
    parser.add_argument("--landmarks", help="list of four or five points for each image")
    parser.add_argument("--detector", help="yunet, or module:factory, asked where the list has nothing")
    parser.add_argument("--detector-model", help="the detector's file, such as YuNet's ONNX file")
    parser.add_argument("--out", required=True, help="folder of the crops")
    parser.add_argument(
        "--size", type=whole("--size", 1), default=112, help="side of a crop in pixels: 112, 224, 100 or another"
    )
    parser.add_argument("--grey", action="store_true", help="grey crops instead of RGB")
    parser.add_argument("--template", choices=tuple(ALIGNMENTS), default="arcface")
    parser.add_argument("--transform", choices=tuple(TRANSFORMS), default="similarity")
    parser.add_argument("--format", choices=("jpg", "png"), default="jpg")
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1, help="threads")
    parser.add_argument("--allow-failures", action="store_true", help="exit status 0 though faces have no crop")
    options = parser.parse_args(args)
    if options.detector_model is not None and options.detector is None:
        raise UserError("Expected --detector with --detector-model, got none")
    return options


if __name__ == "__main__":
    main(align)
