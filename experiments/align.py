"""Aligned crops of a folder of faces, from a list of landmarks or a detector of your own.

    python -m experiments.align --images ROOT --landmarks TABLE --out FOLDER [--size 112|224|100] [--grey]
                                [--template arcface|lfw] [--transform similarity|affine] [--format jpg|png]
                                [--detector module:factory] [--workers N] [--allow-failures]

Crops keep the folder layout below ROOT, so that FOLDER is a dataset of its own. Those that are there are not made
again. Beside them: align_settings.json, align_report.json, and failed.csv with the reason for each face without a
crop. Ends with exit status 1 if there is one, unless --allow-failures. See docs/alignment.md.
"""

import argparse
import csv
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.progress import track

from callbacks.run_files import write_json
from datamodules.alignment import (
    ALIGNED,
    ALREADY_THERE,
    TRANSFORMS,
    Aligner,
    CropFolder,
    CropOutcome,
    LandmarkTable,
    UnalignedFaces,
    align_folder,
    load_detector,
)
from datamodules.sources import ALIGNMENTS
from datamodules.whole_file import write_whole
from experiments.cli import UserError, main
from experiments.cli.argument_checks import check_outside, count
from experiments.launch import Parser

REPORT = "align_report.json"
FAILED = "failed.csv"


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
    detector = None if options.detector is None else load_detector(options.detector)
    faces = UnalignedFaces(images, table, detector)
    cv2.setNumThreads(1)  # the pool's threads are those of --workers
    with CropFolder(out, asdict(aligner), size=aligner.size, format=options.format) as crops:
        start = time.perf_counter()
        outcomes = align_folder(faces, aligner, crops, workers=options.workers)
        counts, failed = _sorted_out(_shown(outcomes, len(faces.names)))
        report = _report(options, crops, counts, time.perf_counter() - start)
        _write_failed(out / FAILED, failed)
        write_json(out / REPORT, report)
    _conclude(report, failed, out, allowed=options.allow_failures)


def _report(options: argparse.Namespace, crops: CropFolder, counts: Counter[str], seconds: float) -> dict[str, Any]:
    return {
        "images": options.images,
        "landmarks": options.landmarks,
        "detector": options.detector,
        "settings": crops.settings,
        "aligned": counts.pop(ALIGNED, 0),
        "already_there": counts.pop(ALREADY_THERE, 0),
        "failed": dict(counts.most_common()),
        "seconds": round(seconds, 3),
    }


def _aligner(options: argparse.Namespace) -> Aligner:
    try:
        return Aligner(options.size, options.grey, options.template, options.transform)
    except ValueError as error:
        raise UserError(str(error)) from error


def _shown(outcomes: Iterable[CropOutcome], total: int) -> Iterable[CropOutcome]:
    """Show how far it is, to people."""
    console = Console(stderr=True)
    return track(outcomes, "Aligning", total, console=console, disable=not console.is_terminal)


def _sorted_out(outcomes: Iterable[CropOutcome]) -> tuple[Counter[str], list[CropOutcome]]:
    """Count all kinds, and keep what failed."""
    counts: Counter[str] = Counter()
    failed = []
    for outcome in outcomes:
        counts[outcome.kind] += 1
        if outcome.reason:
            failed.append(outcome)
    return counts, failed


def _write_failed(path: Path, failed: Sequence[CropOutcome]) -> None:
    """Write path, kind and reason of each face without a crop, so that the file is whole or as before."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(("path", "kind", "reason"))
    writer.writerows(failed)
    write_whole(path, text.getvalue().encode(errors="surrogateescape"))


def _conclude(report: dict[str, Any], failed: Sequence[CropOutcome], out: Path, *, allowed: bool) -> None:
    """Print what was done; failures are an error unless they are allowed.

    Raises:
        UserError: If there are failures and they are not allowed.
    """
    made, seconds = report["aligned"], report["seconds"]
    rate = f", {made / seconds:.0f} a second" if made and seconds else ""
    print(f"Aligned: {made:,}{rate}; already there: {report['already_there']:,}; failed: {len(failed):,}")
    print(f"Crops and {REPORT}: {out}")
    if failed:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in report["failed"].items())
        text = f"{out / FAILED}: {len(failed):,} faces have no crop ({kinds}), the first: {failed[0].reason}"
        if not allowed:
            raise UserError(f"{text}; --allow-failures accepts that")
        print(text)


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m experiments.align",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--images", required=True, help="folder of images, at any depth")
    parser.add_argument("--landmarks", help="list of four or five points for each image")
    parser.add_argument("--detector", help="module:factory, asked where the list has nothing")
    parser.add_argument("--out", required=True, help="folder of the crops")
    parser.add_argument("--size", type=int, default=112, help="side of a crop in pixels: 112, 224, 100 or another")
    parser.add_argument("--grey", action="store_true", help="grey crops instead of RGB")
    parser.add_argument("--template", choices=tuple(ALIGNMENTS), default="arcface")
    parser.add_argument("--transform", choices=tuple(TRANSFORMS), default="similarity")
    parser.add_argument("--format", choices=("jpg", "png"), default="jpg")
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1, help="threads")
    parser.add_argument("--allow-failures", action="store_true", help="exit status 0 though faces have no crop")
    return parser.parse_args(args)


if __name__ == "__main__":
    main(align)
