"""All images of a folder to crops, in parallel; one broken image stops nothing."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import cv2

from datamodules.alignment.aligner import Aligner
from datamodules.alignment.alignment_error import AlignmentError, one_line
from datamodules.alignment.crop_folder import CropFolder
from datamodules.alignment.unaligned_faces import UnalignedFaces

ALIGNED = "aligned"
ALREADY_THERE = "already there"
_AT_ONCE = 1024  # images that are queued; all of half a million would weigh half a gigabyte


class CropOutcome(NamedTuple):
    """What became of one image, or of a row without one."""

    name: str
    """Path below the folder of images."""
    kind: str
    """``ALIGNED``, ``ALREADY_THERE``, or the kind of failure."""
    reason: str = ""
    """One line, of a failure."""


def align_folder(
    faces: UnalignedFaces, aligner: Aligner, crops: CropFolder, *, workers: int = 1
) -> Iterator[CropOutcome]:
    """Yield what becomes of every row without an image, and then of every image, in the order of their paths.

    Crops that are there are not made again. The crops' bytes do not depend on ``workers``.

    Args:
        faces: What to align.
        aligner: How.
        crops: Where the crops go.
        workers: Threads, 1 or more.

    Raises:
        DataError: If a crop cannot be written.
    """
    if faces.table is not None:
        for name in faces.rows_without_image:
            place = f"{faces.table.path}: line {faces.table.line(name)}"
            yield CropOutcome(name, "no image", f"{place}: expected image {name} in {faces.root}, got none")
    owners: dict[str, str] = {}
    for name in faces.names:
        owners.setdefault(crops.place(name), name)
    make = partial(_outcome, faces, aligner, crops, owners)
    pool = ThreadPoolExecutor(workers)
    try:
        for start in range(0, len(faces.names), _AT_ONCE):
            yield from pool.map(make, faces.names[start : start + _AT_ONCE])
    finally:
        pool.shutdown(cancel_futures=True)


def _outcome(
    faces: UnalignedFaces, aligner: Aligner, crops: CropFolder, owners: Mapping[str, str], name: str
) -> CropOutcome:
    try:
        return CropOutcome(name, _make(faces, aligner, crops, owners, name))
    except AlignmentError as error:
        return CropOutcome(name, error.kind, str(error))
    except (cv2.error, MemoryError) as error:
        reason = f"{name}: expected an image that can be warped, got {one_line(error)}"
        return CropOutcome(name, "image cannot be warped", reason)


def _make(faces: UnalignedFaces, aligner: Aligner, crops: CropFolder, owners: Mapping[str, str], name: str) -> str:
    place = crops.place(name)
    if owners[place] != name:
        message = f"{name}: expected a crop of its own, got {place}, that of {owners[place]}"
        raise AlignmentError("crop of another image", message)
    if crops.has(place):
        return ALREADY_THERE
    image = faces.image(name)
    crops.write(place, aligner(image, faces.landmarks(name, image), name=name))
    return ALIGNED
