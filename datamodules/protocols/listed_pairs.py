"""Pairs as a table lists them, and the protocol that comes of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.errors import DataError
from datamodules.protocols.copies import first_copies, tell_copies
from datamodules.protocols.file_list import FileList
from datamodules.seams.evaluation_protocol import EvaluationProtocol, VerificationPairs

ALL = "all"
"""The condition of all pairs."""
_SHOWN = 20


@dataclass(frozen=True)
class ListedPair:
    """A pair of images, by name, and the line that lists it."""

    line: int
    first: str
    second: str
    same: bool
    fold: int = 0
    condition: str = ""
    """What it is counted under beside all pairs; empty: nothing."""


def check_pairs_differ(table: Path, pairs: Iterable[ListedPair]) -> None:
    """Refuse an image paired with itself, and two images paired twice, in whatever order.

    Raises:
        DataError: Naming the line, or both.
    """
    lines: dict[frozenset[str], int] = {}
    for pair in pairs:
        images = frozenset((pair.first, pair.second))
        if len(images) == 1:
            raise DataError(f"{table}: line {pair.line}: expected two images, got {pair.first} twice")
        line = lines.setdefault(images, pair.line)
        if line != pair.line:
            raise DataError(
                f"{table}: line {pair.line}: expected every pair once, "
                f"got {pair.first} and {pair.second} again, as in line {line}"
            )


def refuse_missing(table: Path, root: Path, missing: Sequence[str]) -> None:
    """Refuse a table that lists images which are not there.

    Raises:
        DataError: With the first 20 of them, if there are any.
    """
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        shown = ", ".join(missing[:_SHOWN])
        raise DataError(f"{table}: expected all of its images in {root}, got none of {len(missing)}: {shown}{more}")


def pairs_protocol(
    name: str,
    table: Path,
    root: Path,
    pairs: Sequence[ListedPair],
    files: Mapping[str, str],
    *,
    identity: Callable[[str], str],
    allow_missing: bool,
    needed_is: str = "image",
) -> EvaluationProtocol:
    """Build a verification protocol with the condition ``all`` and those that pairs name.

    Args:
        name: Name of the protocol.
        table: File that lists the pairs, for messages.
        root: Folder that the paths are relative to.
        pairs: The pairs.
        files: Path below ``root`` of every image that is there.
        identity: Gives the name of the identity that an image shows.
        allow_missing: Leave pairs out whose image is not there, and list them in the protocol.
        needed_is: What the list calls an image that would do.

    Raises:
        DataError: If an image is missing and may not be, or no pair of a fold is left.
    """
    needed = {image for pair in pairs for image in (pair.first, pair.second)}
    if not allow_missing:
        refuse_missing(table, root, sorted(needed - files.keys()))
    kept = [pair for pair in pairs if pair.first in files and pair.second in files]
    emptied = {pair.fold for pair in pairs} - {pair.fold for pair in kept}
    if emptied:
        raise DataError(f"{table}: expected a pair left in every fold, got none in fold {min(emptied) + 1}")
    images = sorted({image for pair in kept for image in (pair.first, pair.second)})
    source = FileList(root, [files[image] for image in images], [identity(image) for image in images])
    missing = [_left_out(pair, files, needed_is) for pair in pairs if not files.keys() >= {pair.first, pair.second}]
    protocol = EvaluationProtocol(name, source, _by_condition(kept, images), missing=missing)
    return tell_copies(protocol, first_copies(source.files))


def _by_condition(pairs: Sequence[ListedPair], images: Sequence[str]) -> dict[str, VerificationPairs]:
    index = {image: number for number, image in enumerate(images)}
    groups = {ALL: list(pairs)}
    for pair in pairs:
        if pair.condition:
            groups.setdefault(pair.condition, []).append(pair)
    return {condition: _indexed(group, index) for condition, group in groups.items()}


def _indexed(pairs: Sequence[ListedPair], index: Mapping[str, int]) -> VerificationPairs:
    return VerificationPairs(
        first=np.array([index[pair.first] for pair in pairs], dtype=np.int64),
        second=np.array([index[pair.second] for pair in pairs], dtype=np.int64),
        same=np.array([pair.same for pair in pairs], dtype=np.bool_),
        fold=np.unique([pair.fold for pair in pairs], return_inverse=True)[1].astype(np.int64),
    )


def _left_out(pair: ListedPair, files: Mapping[str, str], needed: str) -> str:
    absent = " and ".join(image for image in (pair.first, pair.second) if image not in files)
    return f"line {pair.line}: {pair.first} and {pair.second}: no {needed} of {absent}"
