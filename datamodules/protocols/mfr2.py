"""MFR2, masked faces in the real world: verification of listed pairs of people with and without masks."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from datamodules.errors import DataError
from datamodules.protocols.lfw_pairs_file import read_pair_lines
from datamodules.protocols.listed_pairs import ListedPair, pairs_protocol, refuse_missing
from datamodules.protocols.mfr2_labels import read_labels, refuse_unlabelled
from datamodules.protocols.numbered_images import find_numbered, identity_of
from datamodules.protocols.published_counts import Published, other_counts
from datamodules.protocols.worn import compared
from datamodules.seams.evaluation_protocol import EvaluationProtocol

log = logging.getLogger(__name__)

PUBLISHED: Mapping[str, Published] = {"people": Published(53), "images": Published(269), "pairs": Published(848)}
REPLICATES = 500
"""Of people, drawn anew for the intervals of measures."""
LABELS, PAIRS = "mfr2_labels.txt", "pairs.txt"


def mfr2_pairs(
    root: Path | str,
    *,
    pairs: Path | str | None = None,
    labels: Path | str | None = None,
    allow_missing: bool = False,
    allow_other_counts: bool = False,
) -> EvaluationProtocol:
    """MFR2's 848 pairs, all together and by who wears a mask: both, one, or nobody.

    ``pairs.txt`` has lines ``name n1 n2``, a genuine pair, and ``name1 n1 name2 n2``, an impostor pair;
    ``mfr2_labels.txt`` has lines ``name, n, what is worn``, of which ``no-mask`` is an unmasked face. There are no
    folds. What is listed twice counts twice, as in published figures, and is warned of.

    Args:
        root: Folder of images, ``Name/Name_0001.png``, or with another of ``IMAGE_EXTENSIONS``.
        pairs: List of pairs; by default ``pairs.txt`` in ``root`` or beside it.
        labels: List of what is worn; by default ``mfr2_labels.txt`` in ``root`` or beside it.
        allow_missing: Leave out pairs whose image or label is not there, and list them in the protocol.
        allow_other_counts: Take another number of people, images or pairs than the published one, and list it.

    Returns:
        Protocol ``mfr2`` with the conditions ``all`` and, as far as there are such pairs, ``masked-masked``,
        ``masked-unmasked`` and ``unmasked-unmasked``.

    Raises:
        DataError: If a list cannot be read, contradicts itself, or has other counts than the published ones; or if an
            image or a label is missing; where that may not be.

    Source: Anwar and Raychowdhury, Masked Face Recognition for Secure Authentication, 2020.
    """
    root = Path(root)
    label_file, pair_file = (_list(root, given, name) for given, name in ((labels, LABELS), (pairs, PAIRS)))
    worn, listed = read_labels(label_file), read_pair_lines(pair_file)
    found = {"people": len({identity_of(image) for image in worn}), "images": len(worn), "pairs": len(listed)}
    differ = other_counts(root, found, PUBLISHED, allow_other=allow_other_counts)
    needed = {image for pair in listed for image in (pair.first, pair.second)}
    files = find_numbered(root, needed | worn.keys())
    if not allow_missing:
        refuse_missing(label_file, root, sorted(worn.keys() - files.keys()))
        refuse_unlabelled(label_file, sorted(needed - worn.keys()))
    _tell_repeated(pair_file, listed)
    known = {image: file for image, file in files.items() if image in worn}
    conditioned = [replace(pair, condition=_condition(pair, worn)) for pair in listed]
    protocol = pairs_protocol(
        "mfr2",
        pair_file,
        root,
        conditioned,
        known,
        identity=identity_of,
        allow_missing=allow_missing,
        needed_is="labelled image",
    )
    unlabelled = [f"{image}: no label in {label_file.name}" for image in sorted(needed - worn.keys())]
    absent = [f"{image}: no image" for image in sorted(worn.keys() - files.keys())]
    return replace(protocol, missing=[*differ, *absent, *unlabelled, *protocol.missing], replicates=REPLICATES)


def _list(root: Path, given: Path | str | None, name: str) -> Path:
    tried = [Path(given)] if given is not None else [root / name, root.parent / name]
    for path in tried:
        if path.is_file():
            return path
    raise DataError(f"{root}: expected {name}, got none of {', '.join(map(str, tried))}")


def _condition(pair: ListedPair, worn: Mapping[str, str]) -> str:
    if not {pair.first, pair.second} <= worn.keys():
        return ""  # left out, or refused before
    return compared(worn[pair.first], worn[pair.second])


def _tell_repeated(path: Path, pairs: Sequence[ListedPair]) -> None:
    counts = Counter(frozenset((pair.first, pair.second)) for pair in pairs)
    if repeated := sum(count - 1 for count in counts.values()):
        said = "%s: %s of %s pairs are listed again, and count as often as they are listed"
        log.warning(said, path, repeated, len(pairs))
