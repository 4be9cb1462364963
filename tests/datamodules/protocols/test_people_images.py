"""Who is compared with whom follows of people and what they wear alone."""

from collections import Counter

import numpy as np
import pytest

from datamodules.protocols.people_images import worn_comparisons

WORN = ("unmasked", "masked", "masked", "unmasked", "sunglasses")


@pytest.mark.parametrize("people", [2, 3, 25])
def test_every_probe_is_compared_with_its_own_and_with_another_person(people: int) -> None:
    identities, worn = np.repeat(np.arange(people), 5), np.array(WORN * people)
    found = worn_comparisons(identities, worn.tolist())
    assert {name: len(pairs) for name, pairs in found.verification.items()} == {
        "masked-unmasked": 4 * people,
        "masked-masked": 2 * people,
        "sunglasses-unmasked": 2 * people,
        "unmasked-unmasked": 2 * people,
    }
    for condition, pairs in found.verification.items():
        assert np.array_equal(identities[pairs.first] == identities[pairs.second], pairs.same)
        assert set(Counter(pairs.second.tolist()).values()) == {2}  # once with its own, once with another's
        kinds = {"-".join(sorted((worn[a], worn[b]))) for a, b in zip(pairs.first, pairs.second, strict=True)}
        assert kinds == {condition}
    if people > 3:
        masked = found.verification["masked-unmasked"]
        of_fold: dict[int, set[int]] = {}
        for fold, *pair in zip(masked.fold, identities[masked.first], identities[masked.second], strict=True):
            of_fold.setdefault(int(fold), set()).update(map(int, pair))
        assert len(of_fold) == 10
        assert sum(map(len, of_fold.values())) == people


def test_the_first_bare_face_is_enrolled() -> None:
    found = worn_comparisons(np.repeat(np.arange(3), 5), list(WORN * 3))
    assert set(found.identification) == {"masked", "sunglasses", "unmasked"}
    for faces in found.identification.values():
        assert faces.gallery.tolist() == [0, 5, 10]
    assert found.identification["unmasked"].probes.tolist() == [3, 8, 13]


def test_one_person_alone_is_compared_with_nobody() -> None:
    found = worn_comparisons(np.zeros(5, np.int64), list(WORN))
    assert (dict(found.verification), dict(found.identification)) == ({}, {})
