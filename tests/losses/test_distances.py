"""Squared distances: those of a plain loop, with their gradient, by whichever route."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from losses import squared_distances, triplet_distances


def embeddings(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_is_the_sum_of_squares() -> None:
    x, y = embeddings(5, 3), embeddings(4, 3) + 1
    expected = torch.stack([torch.stack([sum((a - b) ** 2) for b in y]) for a in x])
    assert_close(squared_distances(x, y), expected)


def test_close_pairs_far_from_the_origin_keep_their_distance() -> None:
    x = (1000 + 1e-3 * embeddings(6, 4)).float()
    exact = (x.double()[:, None] - x.double()).square().sum(2)
    assert_close(squared_distances(x, x).double(), exact, rtol=1e-3, atol=1e-9)


def test_gradient_is_that_of_the_formula() -> None:
    x, y = embeddings(4, 3).requires_grad_(), (embeddings(3, 3) + 1).requires_grad_()
    assert torch.autograd.gradcheck(squared_distances, (x, y))


@pytest.mark.parametrize("number", [3, 500], ids=["row-by-row", "from-the-matrix"])
def test_triplets_have_the_distances_of_their_pairs_and_their_gradient(number: int) -> None:
    z = embeddings(8, 3).requires_grad_()
    triplets = torch.randint(8, (3, number), generator=torch.Generator().manual_seed(0))
    rows = [z[index] for index in triplets]
    expected = torch.cat([(rows[0] - rows[1]).square().sum(1), (rows[0] - rows[2]).square().sum(1)])
    found = torch.cat(triplet_distances(z, *triplets))
    assert_close(found, expected)
    weight = torch.linspace(-1, 1, 2 * number, dtype=torch.float64)
    gradients = [torch.autograd.grad((weight * d).sum(), z)[0] for d in (found, expected)]
    assert_close(*gradients)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("number", [3, 500], ids=["row-by-row", "from-the-matrix"])
def test_autocast_does_not_lower_the_precision(dtype: torch.dtype, number: int) -> None:
    z = embeddings(8, 3).float()
    triplets = torch.randint(8, (3, number), generator=torch.Generator().manual_seed(0))
    expected = triplet_distances(z, *triplets)
    with torch.autocast("cpu", dtype=dtype):
        found = triplet_distances(z, *triplets)
    assert all(d.dtype == torch.float32 for d in found)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
