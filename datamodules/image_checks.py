"""Look at every image before training starts: those that cannot be used are found now, not in its third week."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from datamodules.dataset import fit_face
from datamodules.duplicates import Copies, Duplicates, pixel_digest
from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.seams.label_maps import LabelMaps
from datamodules.sources.landmarks import LandmarkSource
from datamodules.split import IdentitySplit

PIECE = 2048  # images checked at once
RUN = 8  # images that a thread takes at once: to hand one over takes longer than to look at a small one
SIZE_OF_CHECK = 16  # decoding is what can fail; resizing is kept cheap

log = logging.getLogger(__name__)

OnBadImage = Literal["stop", "skip"]


@dataclass(frozen=True)
class ImageChecks:
    """What is looked for in all images before training, and what is then done.

    Args:
        check_images: Load every image once before training, so that a bad one, or a copy, is found at once.
        on_bad_image: ``"stop"`` at an image that cannot be used, or ``"skip"`` and count it.
        duplicates: What to do about images that are pixel for pixel copies of others: ``"warn"`` of them, ``"drop"``
            them as :class:`datamodules.duplicates.Copies` says, or ``"refuse"`` them. Only checked images are compared.

    Raises:
        ValueError: If images are to be left out that are not looked at.
    """

    check_images: bool = True
    on_bad_image: OnBadImage = "stop"
    duplicates: Duplicates = "warn"

    def __post_init__(self) -> None:
        if not self.check_images and (self.on_bad_image == "skip" or self.duplicates != "warn"):
            asked = "on_bad_image: skip" if self.on_bad_image == "skip" else f"duplicates: {self.duplicates}"
            raise ValueError(f"Expected `check_images` with `{asked}`: what is not looked at cannot be left out")


class Checked(NamedTuple):
    """What became of looking at images."""

    usable: NDArray[np.int64]
    """Indices of those that can be used, in their order, ``(N,)``."""
    complaints: list[str]
    """One message for each image left out."""
    digests: NDArray[np.uint64]
    """:func:`~datamodules.duplicates.pixel_digest` of each usable image, ``(N,)``."""


class Looked(NamedTuple):
    """What is left of a source's images."""

    usable: NDArray[np.int64]
    """Indices of those to use, ``(N,)``."""
    skipped: list[str]
    """One message for each that cannot be used."""
    dropped: int
    """How many copies were left out."""
    copies: Copies | None
    """Those that were not, ``None`` where nothing was looked at."""

    def describe(self) -> str:
        """Return in words what was left out, nothing where all images are used."""
        if self.copies is None:
            return "; bad images and copies not looked for (check_images: false)"
        skipped = f"; {len(self.skipped)} unusable images left out" if self.skipped else ""
        return skipped + (f"; {self.dropped:,} copies left out" if self.dropped else "")

    def warn_of_copies(self, source: FaceSource, split: IdentitySplit) -> None:
        """Warn of copies, and of those that would be evaluated and trained on.

        Args:
            source: Where the images come from.
            split: Of the images that are left.
        """
        if self.copies:
            log.warning("%s; %s", self.copies.describe(source, self.usable), self.copies.describe_leaks(split))


def look_at_images(source: FaceSource, landmarks: LandmarkSource, checks: ImageChecks) -> Looked:
    """Look at every image of a source, and say what is left out.

    Args:
        source: Where the images come from.
        landmarks: Where their landmarks are.
        checks: Whether to look, and what to do about what is found.

    Raises:
        DataError: At an image that cannot be used and must not be left out, or at a copy that must not be there.
    """
    every = np.arange(len(source))
    if not checks.check_images:
        return Looked(every, [], 0, None)
    usable, skipped, digests = usable_images(source, every, landmarks, on_bad_image=checks.on_bad_image)
    for message in skipped:
        log.warning("left out: %s", message)
    copies = Copies(digests, source.identities[usable])
    if not copies or checks.duplicates == "warn":
        return Looked(usable, skipped, 0, copies)
    found = copies.describe(source, usable)
    if checks.duplicates == "refuse":
        raise DataError(f"Expected images that differ, as `duplicates: refuse` asks for, got copies: {found}")
    gone = copies.left_out()
    dropped = int(gone.sum())
    log.warning("%s; %s left out", found, f"{dropped:,}")
    return Looked(usable[~gone], skipped, dropped, Copies(digests[:0], every[:0]))


def usable_images(
    source: FaceSource, indices: NDArray[np.int64], landmarks: LandmarkSource, *, on_bad_image: OnBadImage = "stop"
) -> Checked:
    """Load every image once, in threads.

    Args:
        source: Where the images come from.
        indices: Images to look at, ``(N,)``.
        landmarks: Where their landmarks are.
        on_bad_image: ``"stop"`` raises at the first unusable image, ``"skip"`` leaves it out.

    Raises:
        DataError: At an unusable image, under ``"stop"``; the message names it.
    """

    def look_through(run: NDArray[np.int64]) -> list[int | str]:
        return [_look(source, index, landmarks) for index in run.tolist()]

    digests, complaints = np.zeros(len(indices), np.uint64), dict[int, str]()
    # pixels that only have to be copied are there before another thread has the interpreter
    with ThreadPoolExecutor(1 if getattr(source, "decoded", False) else os.cpu_count()) as pool:
        # in pieces, so that a bad image early on is not waited for until the last one has been read
        for start in track(
            range(0, len(indices), PIECE), "Checking images", transient=True, disable=len(indices) <= PIECE
        ):
            piece = indices[start : start + PIECE]
            runs = pool.map(look_through, np.split(piece, range(RUN, len(piece), RUN)))
            for position, found in enumerate(chain.from_iterable(runs), start):
                if isinstance(found, int):
                    digests[position] = found
                elif on_bad_image == "stop":
                    raise DataError(found)
                else:
                    complaints[position] = found
    usable = np.setdiff1d(np.arange(len(indices)), list(complaints))
    return Checked(indices[usable], list(complaints.values()), digests[usable])


def _look(source: FaceSource, index: int, landmarks: LandmarkSource) -> int | str:
    """Return the digest of an image, or what is wrong with it."""
    try:
        image = source.image(index)
        if isinstance(source, LabelMaps):
            source.label_map(index)
        fit_face(image, source, index, landmarks, image_size=SIZE_OF_CHECK)
    except DataError as error:
        return str(error)
    return pixel_digest(image)
