"""Triplet loss (Eq. 5): golden values worked by hand, then the laws it keeps, then its refusals."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from losses import TripletLoss, triplet_loss

Triplets = tuple[Tensor, Tensor, Tensor]


@pytest.fixture
def two_triplets() -> Triplets:
    """d_ap = (1, 2), d_an = (1.44, 9)."""
    positive = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    return torch.zeros(2, 2), positive, torch.tensor([[1.2, 0.0], [0.0, 3.0]])


def random_triplets(dtype: torch.dtype = torch.float64) -> Triplets:
    anchor, positive, negative = torch.randn(3, 6, 4, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return anchor, positive, negative


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        pytest.param(0.4, 0.0, id="none-violates"),
        pytest.param(0.5, (0.06 + 0.0) / 2, id="one-violates-and-the-mean-is-over-both"),
        pytest.param(8.0, (7.56 + 1.0) / 2, id="both-violate"),
    ],
)
def test_golden_values(two_triplets: Triplets, margin: float, expected: float) -> None:
    assert_close(triplet_loss(*two_triplets, margin=margin), torch.tensor(expected))


def test_is_the_mean_of_a_plain_loop() -> None:
    triplets = random_triplets()
    terms = []
    for a, p, n in zip(*(t.tolist() for t in triplets), strict=True):
        d_ap, d_an = (sum((x - y) ** 2 for x, y in zip(a, other, strict=True)) for other in (p, n))
        terms.append(max(0.0, d_ap - d_an + 1.5))
    assert_close(triplet_loss(*triplets, margin=1.5), torch.tensor(sum(terms) / 6, dtype=torch.float64))


def test_order_of_triplets_is_irrelevant() -> None:
    triplets = random_triplets()
    shuffle = torch.tensor([3, 1, 5, 0, 4, 2])
    assert_close(triplet_loss(*(t[shuffle] for t in triplets)), triplet_loss(*triplets))


def test_gradient_is_that_of_the_formula() -> None:
    inputs = tuple(t.requires_grad_() for t in random_triplets())
    assert torch.autograd.gradcheck(lambda a, p, n: triplet_loss(a, p, n, margin=2.0), inputs)


def test_satisfied_triplets_have_no_gradient(two_triplets: Triplets) -> None:
    anchor, positive, negative = (t.requires_grad_() for t in two_triplets)
    torch.autograd.backward(triplet_loss(anchor, positive, negative, margin=0.5))
    assert anchor.grad is not None
    assert anchor.grad[0].any()
    assert not anchor.grad[1].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_promoted(dtype: torch.dtype) -> None:
    half = random_triplets(dtype)
    assert_close(triplet_loss(*half), triplet_loss(*(t.float() for t in half)))


def test_no_triplets_have_no_loss_and_no_gradient_but_a_graph() -> None:
    embeddings = torch.randn(4, 3, requires_grad=True)
    nothing = embeddings[torch.empty(0, dtype=torch.long)]
    loss = triplet_loss(nothing, nothing, nothing)
    torch.autograd.backward(loss)
    assert loss == 0
    assert embeddings.grad is not None
    assert not embeddings.grad.any()


def test_module_is_the_function_with_its_settings(two_triplets: Triplets) -> None:
    module = TripletLoss(margin=1.0)
    anchor, positive, negative = two_triplets
    expected = triplet_loss(*two_triplets, margin=1.0)
    assert_close(module(*two_triplets), expected)
    d_ap, d_an = ((anchor - other).square().sum(1) for other in (positive, negative))
    assert_close(module.from_distances(d_ap, d_an), expected)
    assert repr(module) == "TripletLoss(margin=1.0)"


def test_default_margin_is_the_papers(two_triplets: Triplets) -> None:
    assert TripletLoss().margin == 0.5
    assert_close(triplet_loss(*two_triplets), triplet_loss(*two_triplets, margin=0.5))


@pytest.mark.parametrize(
    "shapes",
    [
        pytest.param([(2, 3), (2, 3), (2, 4)], id="width-differs"),
        pytest.param([(2, 3), (1, 3), (2, 3)], id="no-broadcasting"),
        pytest.param([(3,), (3,), (3,)], id="not-2d"),
    ],
)
def test_refuses_shapes(shapes: list[tuple[int, ...]]) -> None:
    tensors = [torch.zeros(shape) for shape in shapes]
    for loss in (triplet_loss, TripletLoss()):
        with pytest.raises(ValueError, match=r"one shape \(N, D\)"):
            loss(*tensors)


@pytest.mark.parametrize("shapes", [[(2,), (3,)], [(2, 1), (2, 1)]])
def test_refuses_distances_of_other_shapes(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"one shape \(N,\)"):
        TripletLoss().from_distances(*(torch.zeros(shape) for shape in shapes))


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_a_margin_that_is_not_positive(margin: float) -> None:
    with pytest.raises(ValueError, match=r"`margin` \(α\) above 0"):
        TripletLoss(margin=margin)
    with pytest.raises(ValueError, match=r"`margin` \(α\) above 0"):
        triplet_loss(*random_triplets(), margin=margin)
