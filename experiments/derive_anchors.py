"""Anchors for a folder of occluder images that has none, and a sheet by which they are corrected.

    python -m experiments.derive_anchors FOLDER [--category mask] [--like mask] [--sheet FILE] [--skip] [--overwrite]
    python -m experiments.derive_anchors FOLDER --frame arcface --category hand
    python -m experiments.derive_anchors FOLDER --show

FOLDER holds images with transparency, at any depth. Each is laid on the part of the face where its kind sits, by where
its alpha is; the kind is that of --category or, without one, what the name of the file or of a folder above it says.
With --frame images are whole aligned faces of which alpha leaves the occluder alone: their landmarks are those of the
alignment, or the ten numbers that are given. Written are FOLDER/occluders.yaml, for training and evaluation, and the
sheet, occluders_sheet.png in FOLDER. A listing that is there is never written over unless --overwrite says so; --show
draws its sheet anew, once it is corrected. See docs/occluder_templates.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from datamodules.occluders.listing_writer import write_listing
from datamodules.occluders.own_images import LISTING, OwnImage, read_listing
from datamodules.occluders.seats import SEATS
from experiments.cli import UserError, main
from experiments.cli.arguments import Parser
from experiments.occluder_templates.contact_sheet import draw_sheets
from experiments.occluder_templates.found_templates import SHEET, entries_of, entry_maker, read_frame, template_files


def derive_anchors(args: Sequence[str]) -> None:
    """Derive, write and draw, or draw what is written.

    Raises:
        UserError: If an option is wrong, or there is a listing already.
        DataError: If the folder, its listing or an image cannot be used.
    """
    options = _parse(args)
    folder = options.folder
    entries = read_listing(folder) if options.show else _derived(folder, options)
    if not entries:
        raise UserError(f"{folder / LISTING}: expected an image to show, got none")
    sheets = draw_sheets(entries, options.sheet or folder / f"{SHEET}.png")
    print(f"Sheet{'s' * (len(sheets) > 1)}: {', '.join(map(str, sheets))}")


def _derived(folder: Path, options: argparse.Namespace) -> list[OwnImage]:
    """Write the listing and return its entries."""
    path = folder / LISTING
    if path.exists() and not options.overwrite:
        raise UserError(
            f"{path}: expected no listing yet, got one: --show draws its sheet, --overwrite derives it anew"
        )
    frame = None if options.frame is None else read_frame(options.frame)
    maker = entry_maker(folder, options.category, options.like, frame)
    entries, left_out = entries_of(folder, template_files(folder), maker, skip=options.skip)
    for line in left_out:
        print(f"left out: {line}")
    print(f"{write_listing(folder, entries)}: {len(entries)} images, {len(left_out)} left out")
    return entries


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="python -m experiments.derive_anchors", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of RGBA images")
    parser.add_argument("--category", help="what all images are; a built-in one, or a new name")
    parser.add_argument("--like", choices=tuple(SEATS), help="where they sit, if the category does not tell")
    parser.add_argument("--frame", nargs="+", help="images are whole faces: arcface, lfw, or x and y of five landmarks")
    parser.add_argument("--sheet", type=Path, help="picture to draw; by default occluders_sheet.png in FOLDER")
    parser.add_argument("--skip", action="store_true", help="leave out images that cannot be used, and say which")
    parser.add_argument("--overwrite", action="store_true", help="derive anew, also what was corrected by hand")
    parser.add_argument("--show", action="store_true", help="draw the sheet of the listing that is there")
    options = parser.parse_args(args)
    if options.show and (options.overwrite or options.category or options.like or options.frame):
        raise UserError("Expected --show without options of deriving, got both")
    sheet: Path | None = options.sheet
    below = sheet is not None and sheet.resolve().is_relative_to(options.folder.resolve())
    if sheet is not None and below and not sheet.name.startswith(SHEET):  # it would be an occluder the next time
        raise UserError(f"Expected --sheet outside of FOLDER, or named {SHEET}…, got {sheet}")
    return options


if __name__ == "__main__":
    main(derive_anchors)
