"""Search: all similarities sorted, whatever the blocks; refusals."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from callbacks.metrics import search


def random_faces(gallery: int, probes: int, dim: int = 8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(gallery, dim, generator=generator), torch.randn(probes, dim, generator=generator)


@pytest.mark.parametrize("block", [(1, 1), (3, 4), (7, 50), (2048, 8192)])
@pytest.mark.parametrize("k", [1, 5, 50])
def test_finds_what_sorting_all_similarities_finds(block: tuple[int, int], k: int) -> None:
    gallery, probes = random_faces(50, 20)
    expected = (normalize(probes) @ normalize(gallery).T).topk(k, dim=1)
    found = search(gallery, probes, k, block=block)
    assert_close(found.similarity, expected.values)
    assert torch.equal(found.place, expected.indices)


@pytest.mark.parametrize("k", [1, 3, 20])  # chunks' maxima are read first, of the last block or of 20 all
def test_finds_the_same_by_chunks(k: int) -> None:
    gallery, probes = random_faces(700, 30)
    expected = (normalize(probes) @ normalize(gallery).T).topk(k, dim=1)
    found = search(gallery, probes, k, block=(16, 512))
    assert_close(found.similarity, expected.values)
    assert torch.equal(found.place, expected.indices)


@pytest.mark.parametrize("reverse", [False, True])
def test_order_of_the_gallery_is_irrelevant(reverse: bool) -> None:
    gallery, probes = random_faces(60, 1)
    worst_first = search(gallery, probes, 60).place[0].flip(0)
    order = worst_first.flip(0) if reverse else worst_first  # each block better than the last, or worse
    found = search(gallery[order], probes, 5, block=(1, 7))
    assert order[found.place[0]].tolist() == worst_first.flip(0)[:5].tolist()


def test_of_equally_similar_faces_none_is_found_twice() -> None:
    found = search(torch.ones(30, 4), torch.ones(3, 4), 12, block=(2, 5))
    assert_close(found.similarity, torch.ones(3, 12))
    assert all(len(set(row)) == 12 for row in found.place.tolist())


def test_half_precision_is_compared_in_single() -> None:
    gallery, probes = random_faces(50, 20)
    expected = search(gallery.half().float(), probes, 5)
    found = search(gallery.half(), probes, 5)
    assert torch.equal(found.place, expected.place)
    assert found.similarity.dtype == torch.float


def test_opposite_faces_are_found_if_there_are_no_others() -> None:
    assert_close(search(-torch.eye(2), torch.eye(2), 2).similarity, torch.tensor([[0.0, -1.0]] * 2))


def test_embeddings_that_want_a_gradient_are_only_read() -> None:
    gallery, probes = random_faces(9, 2)
    assert not search(gallery.requires_grad_(), probes.requires_grad_(), 2).similarity.requires_grad


def test_a_zero_embedding_is_like_nobody() -> None:
    assert search(torch.eye(2), torch.zeros(1, 2), 1).similarity.item() == 0


def test_no_probes_find_nothing() -> None:
    assert search(torch.eye(2), torch.zeros(0, 2), 1).place.shape == (0, 1)


@pytest.mark.parametrize("k", [0, 4])
def test_refuses_to_find_more_faces_than_there_are(k: int) -> None:
    with pytest.raises(ValueError, match=f"Expected `k` from 1 to 3 and positive `block`, got {k}"):
        search(torch.eye(3), torch.eye(3), k)


def test_refuses_shapes() -> None:
    with pytest.raises(ValueError, match=r"Expected gallery \(G, D\) and probes \(P, D\), got \(3, 3\) and \(2, 2\)"):
        search(torch.eye(3), torch.eye(2), 1)


@pytest.mark.parametrize("name", ["gallery", "probe"])
def test_refuses_embeddings_that_are_not_numbers(name: str) -> None:
    gallery, probes = random_faces(9, 9)
    {"gallery": gallery, "probe": probes}[name][[2, 5], 3] = torch.tensor([torch.nan, torch.inf])
    with pytest.raises(ValueError, match=f"Expected finite {name} embeddings, got NaN or infinity in 2 of 9"):
        search(gallery, probes, 1, block=(2, 2))
