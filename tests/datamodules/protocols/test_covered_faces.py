"""The protocol of faces under six occluders: what its conditions are of, and that a seed makes it."""

import numpy as np
import pytest

from datamodules.protocols.generated_protocol import OCCLUDED, SIX, covered_faces, generated_protocol


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("faces"))


def test_all_occluders_together_are_as_many_of_each(folder: str) -> None:
    protocol = covered_faces(cache_dir=folder)
    assert list(protocol.identification) == ["all", *SIX, OCCLUDED]
    every = protocol.identification[OCCLUDED]
    parts = [protocol.identification[one] for one in SIX]
    assert sorted(every.probes) == sorted(np.concatenate([part.probes for part in parts]))
    assert all(np.array_equal(part.gallery, every.gallery) for part in parts)
    pairs = protocol.verification[OCCLUDED]
    assert (len(pairs), int(pairs.same.sum()), pairs.folds) == (1200, 600, 10)
    for fold in range(pairs.folds):  # folds share no identity
        inside, outside = (np.isin(pairs.fold, fold, invert=other) for other in (False, True))
        people = protocol.identities[np.concatenate([pairs.first[inside], pairs.second[inside]])]
        others = protocol.identities[np.concatenate([pairs.first[outside], pairs.second[outside]])]
        assert not set(people) & set(others)


def test_its_people_are_not_those_of_the_generated_protocol(folder: str) -> None:
    ours, theirs = covered_faces(cache_dir=folder), generated_protocol(20, 2, cache_dir=folder)
    assert not any(np.array_equal(ours.source.image(row), theirs.source.image(row)) for row in range(4))


def test_another_seed_draws_other_faces_and_the_same_seed_the_same(folder: str) -> None:
    one, again, other = (covered_faces(seed, cache_dir=folder).source.image(150) for seed in (3, 3, 4))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
