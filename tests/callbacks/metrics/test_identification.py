"""Rank-1 identification: golden values, invariances, a plain loop, refusals."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from callbacks.metrics import rank_1_accuracy


def random_faces(number: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(number, 5, generator=generator), torch.arange(number) % 7


def test_equals_a_plain_loop() -> None:
    (gallery, enrolled), (probes, identities) = random_faces(7, 0), random_faces(40, 1)
    right = 0
    for probe, identity in zip(probes, identities, strict=True):
        similarities = [cosine_similarity(probe, face, dim=0).item() for face in gallery]
        right += int(enrolled[similarities.index(max(similarities))] == identity)
    assert rank_1_accuracy(gallery, enrolled, probes, identities).item() == pytest.approx(right / 40)


def test_length_of_an_embedding_is_irrelevant() -> None:
    (gallery, enrolled), (probes, identities) = random_faces(7, 0), random_faces(40, 1)
    scaled = rank_1_accuracy(gallery * torch.arange(1, 8)[:, None], enrolled, 3 * probes, identities)
    assert scaled == rank_1_accuracy(gallery, enrolled, probes, identities)


def test_enrolled_faces_find_themselves() -> None:
    gallery, enrolled = random_faces(7, 0)
    assert rank_1_accuracy(gallery, enrolled, gallery, enrolled) == 1


@pytest.mark.parametrize("empty", ["gallery", "probes"])
def test_refuses_nothing_to_compare(empty: str) -> None:
    faces = {"gallery": torch.ones(2, 3), "probes": torch.ones(2, 3), empty: torch.ones(0, 3)}
    labels = {name: torch.zeros(len(value)) for name, value in faces.items()}
    with pytest.raises(ValueError, match=f"Expected {empty} of shape"):
        rank_1_accuracy(faces["gallery"], labels["gallery"], faces["probes"], labels["probes"])
