"""Comparisons that follow from identities alone: who is enrolled, and who is compared with whom."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.seams.conditions import CLEAN, check_conditions
from datamodules.seams.evaluation_protocol import Identification, VerificationPairs

Indices = NDArray[np.int64]


class Comparisons(NamedTuple):
    """What is compared with what, by condition, as in an evaluation protocol; indices of images."""

    verification: Mapping[str, VerificationPairs]
    identification: Mapping[str, Identification]


def unseen_comparisons(
    identities: Indices, images: Indices, conditions: Sequence[str], *, num_folds: int
) -> Comparisons:
    """Return the comparisons of images that were all taken under every condition, single sample per subject.

    The first clean image of each identity is enrolled; all its other images are probes, under every condition the same
    ones (SOIDN paper, section 4.2.2). For verification every probe is compared with its own enrolled image and with
    that of one other identity of its fold, each in turn; folds share no identity.

    Args:
        identities: Of every row, ``(N,)``.
        images: Number of the image that a row shows under its condition, ``(N,)``.
        conditions: Of every row, :data:`~datamodules.seams.conditions.CLEAN` among them.
        num_folds: Folds wanted; there are at most half as many as identities, and two with fewer than four identities,
            whose impostor pairs then cross the folds.

    Returns:
        Conditions in ascending order; none where fewer than two identities are enrolled.

    Raises:
        ValueError: If a condition is named as a mean over them, or has no probe.
    """
    of = np.asarray(conditions)
    clean = np.flatnonzero(of == CLEAN)
    gallery = clean[first_of_each(identities[clean])]
    names = sorted(set(conditions)) if len(gallery) > 1 else []
    check_conditions(name for name in names if name != CLEAN)
    probe = ~np.isin(images, images[gallery])
    identification = {name: Identification(gallery, np.flatnonzero((of == name) & probe)) for name in names}
    verification = {name: one_of_each_kind(faces, identities, num_folds) for name, faces in identification.items()}
    return Comparisons(verification, identification)


def first_of_each(identities: Indices) -> Indices:
    """Return where each identity occurs first, ascending.

    Example:
        >>> first_of_each(np.array([7, 7, 4, 7, 4]))
        array([0, 2])
    """
    return np.sort(np.unique(identities, return_index=True)[1])


def another_of_the_fold(identity: Indices, turn: Indices, *, number: int, folds: int) -> Indices:
    """Return another identity of the same fold, each in turn.

    Args:
        identity: From 0; its fold is the remainder by ``folds``.
        turn: How many have had their turn before.
        number: Of all identities, at least two of each fold.
        folds: Number of folds.

    Example:
        >>> another_of_the_fold(np.array([0, 0, 0, 1]), np.arange(4), number=6, folds=2)
        array([2, 4, 2, 5])
    """
    members = (number - 1 - identity % folds) // folds + 1
    place = (identity // folds + 1 + turn % (members - 1)) % members
    return place * folds + identity % folds


def genuine_and_impostor(
    genuine: tuple[Indices, Indices], impostor: tuple[Indices, Indices], fold: Indices
) -> VerificationPairs:
    """Return ``N`` genuine pairs, first and second images, followed by as many impostor pairs of the same folds."""
    first, second = (np.concatenate(kinds).astype(np.int64) for kinds in zip(genuine, impostor, strict=True))
    return VerificationPairs(first, second, np.arange(len(first)) < len(fold), np.tile(fold, 2).astype(np.int64))


def one_of_each_kind(faces: Identification, identities: Indices, num_folds: int) -> VerificationPairs:
    """Pair every probe with its own enrolled image and with that of another identity of its fold, each in turn.

    Args:
        faces: One gallery image of each of at least two identities, and probes of these.
        identities: Of all images, ``(N,)``.
        num_folds: Folds wanted; there are at most half as many as identities, and two with fewer than four identities,
            whose impostor pairs then cross the folds.
    """
    by_rank = faces.gallery[np.argsort(identities[faces.gallery])]
    number = len(by_rank)
    own = np.searchsorted(identities[by_rank], identities[faces.probes])
    folds = max(2, min(num_folds, number // 2))
    step = folds if number >= 4 else 1  # from one member of a fold to the next
    other = another_of_the_fold(own, np.arange(len(own)), number=number, folds=step)
    fold = np.unique(own % folds, return_inverse=True)[1]
    return genuine_and_impostor((by_rank[own], faces.probes), (by_rank[other], faces.probes), fold)
