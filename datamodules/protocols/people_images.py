"""Images of people by what they wear, and all comparisons that follow of who is enrolled without anything."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.errors import DataError
from datamodules.protocols.copies import first_copies, tell_copies
from datamodules.protocols.file_list import FileList
from datamodules.protocols.worn import UNMASKED, compared
from datamodules.seams.comparisons import Comparisons, Indices, first_of_each, one_of_each_kind
from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification, VerificationPairs

FOLDS = 10
REPLICATES = 500
"""Of people, drawn anew for the intervals of measures."""


class PersonImage(NamedTuple):
    """An image of a set of people."""

    person: str
    worn: str
    path: str
    """Below the root."""


def protocol_of_people(
    name: str, root: Path, images: Sequence[PersonImage], missing: Sequence[str]
) -> EvaluationProtocol:
    """Compare people's faces with what they wear to their faces without, and covered faces with each other.

    The first unmasked image of each person, in the order of paths, is enrolled. For each thing worn, and for the other
    unmasked images, there is a condition of identification of that name, and one of verification, such as
    ``masked-unmasked``, of every probe with its own enrolled image and with that of another person of its fold.
    ``masked-masked`` compares people's masked images with their first one and another's, likewise. Folds share nobody.

    People without an unmasked image are left out and listed. A condition of fewer than two people is left out.

    Args:
        name: Name of the protocol.
        root: Folder that paths are relative to.
        images: What there is.
        missing: What was left out before.

    Raises:
        DataError: If nothing is left to compare.
    """
    bare = {image.person for image in images if image.worn == UNMASKED}
    kept = sorted(image for image in images if image.person in bare)
    kept.sort(key=lambda image: image.path)
    lost = sorted({image.person for image in images} - bare)
    left_out = [f"{person}: no unmasked image beside {_number(images, person)} others" for person in lost]
    if not kept:
        raise DataError(f"{root}: expected people with an unmasked image, got none of {len(lost)} people")
    source = FileList(root, [image.path for image in kept], [image.person for image in kept])
    made = worn_comparisons(source.identities, [image.worn for image in kept])
    if not made.verification:
        raise DataError(f"{root}: expected two people with two images each and more, got {len(bare)} people")
    protocol = EvaluationProtocol(
        name, source, made.verification, made.identification, [*missing, *left_out], replicates=REPLICATES
    )
    return tell_copies(protocol, first_copies(source.files))


def worn_comparisons(identities: Indices, worn: Sequence[str]) -> Comparisons:
    """Return the comparisons that :func:`protocol_of_people` describes, of images in this order.

    Args:
        identities: Of all images, ``(N,)``.
        worn: What each shows, N of them.

    Example:
        >>> of = np.repeat(np.arange(2), 3)
        >>> found = worn_comparisons(of, ["unmasked", "unmasked", "masked"] * 2)
        >>> {name: len(pairs) for name, pairs in found.verification.items()}
        {'masked-unmasked': 4, 'unmasked-unmasked': 4}
        >>> found.identification["masked"].probes.tolist()
        [2, 5]
    """
    shows = np.asarray(worn)
    gallery = _first(identities, shows == UNMASKED)
    verification: dict[str, VerificationPairs] = {}
    identification: dict[str, Identification] = {}
    for kind in sorted(set(worn)):
        probes = np.setdiff1d(np.flatnonzero(shows == kind), gallery)
        probes = probes[np.isin(identities[probes], identities[gallery])]
        if len(probes) and len(gallery) > 1:
            identification[kind] = Identification(gallery, probes)
            verification[compared(kind, UNMASKED)] = one_of_each_kind(identification[kind], identities, FOLDS)
        first = _first(identities, shows == kind)
        others = np.setdiff1d(np.flatnonzero(shows == kind), first)
        if kind != UNMASKED and len(others) and len(first) > 1:
            verification[compared(kind, kind)] = one_of_each_kind(Identification(first, others), identities, FOLDS)
    return Comparisons(verification, identification)


def counts(images: Sequence[PersonImage], named: Mapping[str, str]) -> dict[str, int]:
    """Return how many people and images of each kind there are.

    Args:
        images: What there is.
        named: What the images of a kind are called in messages, by kind.
    """
    number = {what: sum(image.worn == kind for image in images) for kind, what in named.items()}
    return {"people": len({image.person for image in images}), **number}


def _first(identities: Indices, chosen: np.ndarray) -> Indices:
    """Return the first of each identity's chosen images."""
    indices = np.flatnonzero(chosen)
    return indices[first_of_each(identities[indices])]


def _number(images: Sequence[PersonImage], person: str) -> int:
    return sum(image.person == person for image in images)
