"""Comparisons of unseen identities: who is enrolled, and who is compared with whom."""

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.seams.comparisons import Comparisons, unseen_comparisons

Indices = NDArray[np.int64]


def compared(people: int, images: int = 6, num_folds: int = 10) -> tuple[Comparisons, Indices]:
    """Return the comparisons of clean and covered images of some people, and the identity of every row."""
    identities = np.tile(np.repeat(5 + 3 * np.arange(people), images), 2)
    number = np.tile(np.arange(people * images), 2)
    conditions = ["none"] * (people * images) + ["cup"] * (people * images)
    return unseen_comparisons(identities, number, conditions, num_folds=num_folds), identities


def test_the_first_clean_image_of_each_identity_is_enrolled_and_never_a_probe_even_occluded() -> None:
    found, _ = compared(3, 2)
    assert list(found.identification) == list(found.verification) == ["cup", "none"]
    for condition, probes in (("none", [1, 3, 5]), ("cup", [7, 9, 11])):
        faces = found.identification[condition]
        assert (faces.gallery.tolist(), faces.probes.tolist()) == ([0, 2, 4], probes)


@pytest.mark.parametrize("people", [2, 3, 4, 7, 10, 23])
def test_every_probe_has_a_genuine_pair_and_one_with_another_identity(people: int) -> None:
    found, identities = compared(people)
    for condition, pairs in found.verification.items():
        faces = found.identification[condition]
        number = len(faces.probes)
        assert pairs.same.tolist() == [True] * number + [False] * number
        assert np.array_equal(pairs.second, np.tile(faces.probes, 2))
        assert np.isin(pairs.first, faces.gallery).all()
        assert np.array_equal(identities[pairs.first] == identities[pairs.second], pairs.same)


@pytest.mark.parametrize("people", [4, 7, 10, 23])
def test_folds_share_no_identity(people: int) -> None:
    found, identities = compared(people)
    for pairs in found.verification.values():
        assert pairs.folds == min(10, people // 2)
        folds = [
            set(identities[np.concatenate([pairs.first, pairs.second])[np.tile(pairs.fold, 2) == fold]])
            for fold in range(pairs.folds)
        ]
        assert sum(map(len, folds)) == len(set.union(*folds)) == people


def test_partners_take_turns() -> None:
    found, identities = compared(6, 4, num_folds=2)
    pairs = found.verification["none"]
    of_first = identities[pairs.first[~pairs.same & (identities[pairs.second] == 5)]]
    assert len(of_first) == 3
    assert len(set(of_first)) == 2  # all others of its fold


def test_one_enrolled_identity_is_compared_with_nobody() -> None:
    found, _ = compared(1)
    assert found == ({}, {})


def test_a_condition_never_takes_the_place_of_the_mean() -> None:
    number = np.arange(4)
    with pytest.raises(ValueError, match=r"Expected conditions named other than .*, got 'occluded'"):
        unseen_comparisons(number // 2, number, ["none", "none", "none", "occluded"], num_folds=2)
