"""Make LFW-occ: occluded right images of LFW's pairs, their label maps, and a manifest by which others can check them.

    python -m experiments.make_lfw_occ --root LFW --pairs pairs.txt --out FOLDER [--categories sunglasses scarf …]
                                       [--severity low|medium|high] [--seed 0] [--size 112] [--landmarks lfw]
                                       [--workers 2]
    python -m experiments.make_lfw_occ --root LFW --pairs pairs.txt --check FOLDER [--workers 2]

The first command resumes where it was interrupted. The second draws everything again, compares it with the folder's
manifest and images, prints a line for each difference and exits with status 1 if there is one. See docs/lfw_occ.md.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES
from datamodules.protocols.lfw_occ.making import check_folder, make_folder, other_versions, pair_occluders
from datamodules.protocols.lfw_occ.pair_occluder import SEVERITIES
from datamodules.sources.aligned_crop import SMALLEST_SIDE
from experiments.cli import UserError, main
from experiments.cli.arguments import Parser, check_outside, whole


def make_lfw_occ(args: Sequence[str]) -> None:
    """Make or check.

    Raises:
        UserError: If an option is wrong, or a check finds a difference.
        DataError: If pairs or images cannot be used, or the folder cannot be written to or has other settings.
    """
    options = _parse(args)
    if options.check is not None:
        check(options.check, options.root, options.pairs, workers=options.workers)
    else:
        make(options)


def make(options: argparse.Namespace) -> None:
    """Make what the folder lacks, and print how much that was."""
    if options.size < SMALLEST_SIDE:
        raise UserError(f"Expected `--size` of at least {SMALLEST_SIDE}, got {options.size}")
    check_outside(options.out, "--root", options.root)
    try:
        occluders = pair_occluders(vars(options))
    except ValueError as error:
        raise UserError(str(error)) from error
    started = time.perf_counter()
    made = make_folder(options.out, options.root, options.pairs, occluders, size=options.size, workers=options.workers)
    seconds = time.perf_counter() - started
    print(f"{options.out}: {made.images} images made in {seconds:.1f} s, {made.there} were there")


def check(folder: Path, root: Path, pairs: Path, *, workers: int = 1) -> None:
    """Draw everything again and compare it with a made folder; print a line for each difference.

    Raises:
        UserError: If there is a difference.
        DataError: If the folder is none, or pairs or images cannot be used.
    """
    result = check_folder(folder, root, pairs, workers=workers)
    found = 0
    for line in result.differences:
        print(line)
        found += 1
    if found:
        other = other_versions(folder)
        made_with = f" (made with {other})" if other else ""
        raise UserError(f"{folder}: expected what is drawn here, got {found} differences{made_with}")
    print(f"{folder}: {result.images} images as the manifest tells")


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m experiments.make_lfw_occ", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="LFW's folder of aligned crops")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    folder = parser.add_mutually_exclusive_group(required=True)
    folder.add_argument("--out", type=Path, help="folder to make")
    folder.add_argument("--check", type=Path, help="folder to check")
    parser.add_argument(
        "--categories", nargs="+", default=list(LFW_OCC_CATEGORIES), help="categories, or several joined by +"
    )
    parser.add_argument("--severity", choices=list(SEVERITIES), help="share of the face that is covered")
    parser.add_argument("--seed", type=whole("--seed", 0), default=0)
    parser.add_argument("--size", type=whole("--size", 1), default=112, help="height and width of the images in px")
    parser.add_argument("--landmarks", default="lfw", help="where landmarks are in aligned crops")
    parser.add_argument("--workers", type=whole("--workers", 1), default=1, help="processes")
    return parser.parse_args(args)


if __name__ == "__main__":
    main(make_lfw_occ)
