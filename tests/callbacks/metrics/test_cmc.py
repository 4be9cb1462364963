"""Cumulative match characteristic: golden values, a plain loop over identities, ties, several faces, refusals."""

from collections import defaultdict

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity
from torch.testing import assert_close

from callbacks.metrics import cmc, mates
from tests.callbacks.metrics.samples import random_people

Faces = tuple[Tensor, Tensor, Tensor, Tensor]


def gallery_and_probes(people: int = 15, *, seed: int = 0) -> Faces:
    """Return one to four enrolled faces of each of some people, and 60 probes of them."""
    embeddings, identities = random_people(people, 8, seed, dim=5, spread=1.5)
    seen: dict[int, int] = defaultdict(int)
    enrolled = []
    for identity in identities.tolist():
        enrolled.append(seen[identity] <= identity % 4)
        seen[identity] += 1
    chosen = torch.tensor(enrolled)
    probes = torch.where(~chosen)[0][:60]
    return embeddings[chosen], 3 * identities[chosen] - 7, embeddings[probes], 3 * identities[probes] - 7


def looped_ranks(gallery: Tensor, enrolled: Tensor, probes: Tensor, people: Tensor) -> list[int]:
    ranks = []
    for probe, identity in zip(probes, people.tolist(), strict=True):
        best: dict[int, float] = {}
        for face, person in zip(gallery, enrolled.tolist(), strict=True):
            similarity = cosine_similarity(probe, face, dim=0).item()
            best[person] = max(similarity, best.get(person, -2.0))
        ranks.append(sum(value >= best[identity] for value in best.values()))
    return ranks


@pytest.mark.parametrize("max_rank", [1, 2, 5, 15, 40])
@pytest.mark.parametrize("seed", range(3))
def test_equals_a_plain_loop_over_people(max_rank: int, seed: int) -> None:
    faces = gallery_and_probes(seed=seed)
    ranks = looped_ranks(*faces)
    assert max(ranks) > 5
    expected = [sum(rank <= k for rank in ranks) / len(ranks) for k in range(1, max_rank + 1)]
    found = cmc(*faces, max_rank=max_rank)
    assert found.tolist() == pytest.approx(expected)


def test_one_persons_many_faces_keep_nobody_from_view() -> None:
    crowd = torch.tensor([[1.0, 0.01]]).repeat(300, 1) + 0.001 * torch.rand(300, 2)  # all nearer than the mate
    gallery = torch.cat([crowd, torch.tensor([[1.0, 0.5], [1.0, 0.9], [0.0, 1.0]])])
    enrolled = torch.tensor([1] * 300 + [2, 3, 4])
    for mate, rank in ((1, 1), (2, 2), (3, 3), (4, 4)):
        found = mates(gallery, enrolled, torch.tensor([[1.0, 0.0]]), torch.tensor([mate]), max_rank=4)
        assert found.rank.tolist() == [rank]
        expected = cosine_similarity(torch.tensor([[1.0, 0.0]]), gallery[enrolled == mate]).max()
        assert_close(found.similarity[0], expected)


@pytest.mark.parametrize("people", [2, 9])
def test_embeddings_that_are_all_the_same_identify_nobody_before_the_last_rank(people: int) -> None:
    same, identities = torch.ones(people, 4), torch.arange(people)
    assert cmc(same, identities, same, identities, max_rank=people).tolist() == [0.0] * (people - 1) + [1.0]


def test_order_of_faces_is_irrelevant() -> None:
    gallery, enrolled, probes, people = gallery_and_probes()
    expected = cmc(gallery, enrolled, probes, people)
    found = cmc(gallery.flip(0), enrolled.flip(0), 5 * probes.flip(0), people.flip(0))
    assert torch.equal(found, expected)


def test_refuses_probes_of_people_who_are_not_enrolled() -> None:
    with pytest.raises(ValueError, match="Expected a gallery face of every probe's identity, got none of 2: 7, 9"):
        cmc(torch.eye(3), torch.arange(3), torch.eye(3), torch.tensor([9, 1, 7]))


@pytest.mark.parametrize("empty", [0, 1])
def test_refuses_nothing_to_compare(empty: int) -> None:
    faces = [torch.eye(2), torch.arange(2), torch.eye(2), torch.arange(2)]
    faces[2 * empty], faces[2 * empty + 1] = torch.zeros(0, 2), torch.zeros(0, dtype=torch.long)
    with pytest.raises(ValueError, match=f"Expected {('gallery', 'probes')[empty]} of shape"):
        cmc(*faces)


def test_refuses_embeddings_that_are_not_numbers() -> None:
    probes = torch.tensor([[1.0, 0.0], [torch.nan, 0.0]])
    with pytest.raises(ValueError, match="Expected finite probe embeddings, got NaN or infinity in 1 of 2"):
        cmc(torch.eye(2), torch.arange(2), probes, torch.arange(2))


def test_enrolled_faces_find_themselves() -> None:
    gallery, enrolled, _, _ = gallery_and_probes()
    assert cmc(gallery, enrolled, gallery, enrolled, max_rank=1) == 1


def test_refuses_rank_zero() -> None:
    with pytest.raises(ValueError, match="Expected `max_rank` of at least 1, got 0"):
        cmc(*gallery_and_probes(), max_rank=0)
