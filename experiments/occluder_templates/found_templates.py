"""The occluder images of a folder without anchors, and their entries of the listing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.occluders.derived_anchors import derived_entry, framed_entry, named_kind
from datamodules.occluders.listing_writer import listed_item
from datamodules.occluders.own_images import OwnImage, load_sprite, read_entry
from datamodules.occluders.seats import SEATS, kind_of
from datamodules.sources import ALIGNMENTS
from datamodules.sources.decode import IMAGE_EXTENSIONS
from datamodules.sources.walk import files_below
from experiments.cli import UserError

SHEET = "occluders_sheet"
"""How files begin that are no occluders but show them."""


class Frame(NamedTuple):
    """Where the landmarks are in images that are whole aligned faces."""

    points: NDArray[np.float64]
    """``(5, 2)``"""
    size: tuple[int, int] | None
    """Height and width of the image that they refer to; ``None``: of each image itself."""


def read_frame(words: Sequence[str]) -> Frame:
    """Return what ``--frame`` says: the name of an alignment, or ten numbers.

    Raises:
        UserError: If it is neither.
    """
    if len(words) == 1 and words[0] in ALIGNMENTS:
        alignment = ALIGNMENTS[words[0]]
        return Frame(np.array(alignment.points, dtype=np.float64), alignment.size)
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError:
        numbers = np.zeros(0)
    if numbers.size != 10 or not np.isfinite(numbers).all():
        said = f"{', '.join(ALIGNMENTS)} or ten numbers, x and y of five landmarks"
        raise UserError(f"Expected --frame as {said}, got {' '.join(words)[:80]!r}")
    return Frame(numbers.reshape(5, 2), None)


def template_files(folder: Path) -> list[str]:
    """Return the images at any depth of a folder but its sheets.

    Raises:
        DataError: If it is no folder, or there is none.
    """
    names = [name for name in files_below(folder, IMAGE_EXTENSIONS) if not Path(name).name.startswith(SHEET)]
    if not names:
        raise DataError(f"{folder}: expected occluder images ({', '.join(IMAGE_EXTENSIONS)}), got none")
    return names


def entries_of(
    folder: Path, names: Sequence[str], entry: Callable[[Path], OwnImage], *, skip: bool
) -> tuple[list[OwnImage], list[str]]:
    """Return the entries of images, and a line for each that cannot be used.

    Args:
        folder: What the names are relative to.
        names: Of the images.
        entry: Makes one's entry.
        skip: Leave out what cannot be used; otherwise the first is an error.

    Raises:
        DataError: If one cannot be used, or its entry could not be read again, and it may not be left out, or none is
            left.
    """
    entries, left_out = [], []
    for name in names:
        try:
            made = entry(folder / name)
            load_sprite(read_entry(str(made.path), folder, listed_item(folder, made)))  # as whoever uses it will
            entries.append(made)
        except DataError as error:
            if not skip:
                raise DataError(f"{error}; --skip leaves such images out") from None
            left_out.append(str(error))
    if not entries:
        raise DataError(
            f"{folder}: expected an occluder image that can be used, got none of {len(names)}: {left_out[0]}"
        )
    return entries, left_out


def entry_maker(
    folder: Path, category: str | None, like: str | None, frame: Frame | None
) -> Callable[[Path], OwnImage]:
    """Return what makes an image's entry.

    Args:
        folder: What names are relative to.
        category: Of all images; ``None``: as the name of each, or of a folder above it, says.
        like: Kind whose seat all take; ``None``: as the category, or the name, says.
        frame: Of images that are whole faces.

    Raises:
        UserError: If the category tells no kind and none is given.
    """
    kind = like or (kind_of(category) if category else None)
    if category and kind is None and frame is None:
        raise UserError(f"Expected --like with --category {category}, one of {', '.join(SEATS)}, got none")

    def entry(path: Path) -> OwnImage:
        own = kind or named_kind(path.relative_to(folder).as_posix())
        named = category or own
        if named is None or (own is None and frame is None):
            raise DataError(f"{path}: expected a name that tells what it is ({', '.join(SEATS)}), or --category")
        if frame is not None:
            return framed_entry(path, named, frame.points, frame.size)
        return derived_entry(path, named, str(own))

    return entry
