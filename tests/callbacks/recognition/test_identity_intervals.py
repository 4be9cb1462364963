"""Intervals of measures hold what people tell, not what their many photographs seem to."""

import numpy as np
import pytest
import torch

from callbacks.recognition import identify, verify
from callbacks.recognition.identity_intervals import pair_intervals, rank1_interval
from datamodules.seams.evaluation_protocol import Identification, VerificationPairs

PEOPLE, SHOTS = 20, 4


def people(seed: int = 0, copies: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings of people, each photograph as often as ``copies`` says, and whom they show."""
    random = np.random.default_rng(seed)
    centre = random.normal(size=(PEOPLE, 1, 8))
    faces = np.repeat(centre + 0.9 * random.normal(size=(PEOPLE, SHOTS, 8)), copies, axis=1)
    return torch.from_numpy(faces.reshape(-1, 8)).float(), torch.arange(PEOPLE).repeat_interleave(SHOTS * copies)


def all_pairs(identities: torch.Tensor) -> VerificationPairs:
    first, second = np.triu_indices(len(identities), 1)
    names = identities.numpy()
    return VerificationPairs(first, second, names[first] == names[second], np.zeros(len(first), np.int64))


def test_an_interval_holds_its_measure_and_is_repeated() -> None:
    embeddings, identities = people()
    pairs = all_pairs(identities)
    verified = verify(pairs, torch.nn.functional.normalize(embeddings), identities)
    found = pair_intervals(verified, pairs, identities, replicates=200)
    assert set(found) == {
        f"{m}_{end}" for m in ("eer", "auc", "tar@far=0.001", "tar@far=0.01", "tar@far=0.1") for end in ("low", "high")
    }
    for name in ("eer", "auc", "tar@far=0.1"):
        assert found[f"{name}_low"] < verified.measures[name] < found[f"{name}_high"]
    assert found == pair_intervals(verified, pairs, identities, replicates=200)


def test_copies_of_photographs_do_not_narrow_an_interval() -> None:
    widths = []
    for copies in (1, 3):
        embeddings, identities = people(copies=copies)
        gallery = np.arange(0, len(identities), SHOTS * copies)
        faces = Identification(
            gallery,
            np.setdiff1d(np.arange(len(identities)), np.arange(len(identities)).reshape(PEOPLE, -1)[:, :copies]),
        )
        found = rank1_interval(faces, embeddings, identities, replicates=300)
        rank1 = identify(faces, embeddings, identities).measures["rank1"]
        assert found["rank1_low"] < rank1 < found["rank1_high"]
        widths.append(found["rank1_high"] - found["rank1_low"])
    assert widths[1] == pytest.approx(widths[0], rel=1e-6)


def test_one_kind_of_pairs_has_no_interval() -> None:
    embeddings, identities = people()
    pairs = all_pairs(identities)
    kept = pairs.same
    genuine = VerificationPairs(pairs.first[kept], pairs.second[kept], kept[kept], pairs.fold[kept])
    verified = verify(genuine, torch.nn.functional.normalize(embeddings), identities)
    assert pair_intervals(verified, genuine, identities, replicates=10) == {}
