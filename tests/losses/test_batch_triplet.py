"""Batch triplet loss (Eq. 9): golden values worked by hand, then the laws it keeps, then its refusals."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from losses import BatchTripletLoss, batch_triplet_loss

Triplets = tuple[Tensor, Tensor, Tensor]


@pytest.fixture
def two_triplets() -> Triplets:
    """d_ap = (1, 2) and d_an = (4, 8): means 1.5 and 6, population variances 0.25 and 4."""
    positive = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    return torch.zeros(2, 2), positive, 2 * positive


def random_triplets(dtype: torch.dtype = torch.float64) -> Triplets:
    anchor, positive, negative = torch.randn(3, 6, 4, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return anchor, positive, negative


@pytest.mark.parametrize(
    ("margin", "beta", "expected"),
    [
        pytest.param(1.0, 0.0, 1.5 - 6 + 1, id="means-only"),
        pytest.param(0.5, 0.0, 1.5 - 6 + 0.5, id="margin-shifts"),
        pytest.param(0.5, 1.0, 0.25 + 4, id="variances-only-ignore-margin"),
        pytest.param(0.5, 0.25, 0.75 * -4 + 0.25 * 4.25, id="quarter-mix"),
    ],
)
def test_golden_values(two_triplets: Triplets, margin: float, beta: float, expected: float) -> None:
    assert_close(batch_triplet_loss(*two_triplets, margin=margin, beta=beta), torch.tensor(expected))


def test_is_the_formula_in_a_plain_loop() -> None:
    triplets = random_triplets()
    d_ap, d_an = [], []
    for a, p, n in zip(*(t.tolist() for t in triplets), strict=True):
        d_ap.append(sum((x - y) ** 2 for x, y in zip(a, p, strict=True)))
        d_an.append(sum((x - y) ** 2 for x, y in zip(a, n, strict=True)))
    mu_ap, mu_an = sum(d_ap) / 6, sum(d_an) / 6
    var_ap, var_an = (sum((d - mu) ** 2 for d in ds) / 6 for ds, mu in ((d_ap, mu_ap), (d_an, mu_an)))
    expected = 0.3 * (mu_ap - mu_an + 0.5) + 0.7 * (var_ap + var_an)
    assert_close(batch_triplet_loss(*triplets), torch.tensor(expected, dtype=torch.float64))


def test_order_of_triplets_is_irrelevant() -> None:
    triplets = random_triplets()
    shuffle = torch.tensor([3, 1, 5, 0, 4, 2])
    assert_close(batch_triplet_loss(*(t[shuffle] for t in triplets)), batch_triplet_loss(*triplets))


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_gradient_is_that_of_the_formula(beta: float) -> None:
    inputs = tuple(t.requires_grad_() for t in random_triplets())
    assert torch.autograd.gradcheck(lambda a, p, n: batch_triplet_loss(a, p, n, beta=beta), inputs)


def test_margin_never_moves_the_gradient() -> None:
    anchor, positive, negative = (t.requires_grad_() for t in random_triplets())
    near, far = (
        torch.autograd.grad(batch_triplet_loss(anchor, positive, negative, margin=m), anchor)[0] for m in (0.1, 9.0)
    )
    assert_close(near, far)


def test_embeddings_at_one_point_have_the_lowest_loss_of_variances_alone() -> None:
    point = torch.ones(5, 3)
    assert batch_triplet_loss(point, point, point, beta=1.0) == 0
    assert batch_triplet_loss(*random_triplets(), beta=1.0) > 0


def test_one_triplet_has_no_variance() -> None:
    anchor, positive, negative = (t[:1] for t in random_triplets())
    assert batch_triplet_loss(anchor, positive, negative, beta=1.0) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_promoted(dtype: torch.dtype) -> None:
    half = random_triplets(dtype)
    assert_close(batch_triplet_loss(*half), batch_triplet_loss(*(t.float() for t in half)))


def test_no_triplets_have_no_loss_and_no_gradient_but_a_graph() -> None:
    embeddings = torch.randn(4, 3, requires_grad=True)
    nothing = embeddings[torch.empty(0, dtype=torch.long)]
    loss = batch_triplet_loss(nothing, nothing, nothing)
    torch.autograd.backward(loss)
    assert loss == 0
    assert embeddings.grad is not None
    assert not embeddings.grad.any()


def test_module_is_the_function_with_its_settings(two_triplets: Triplets) -> None:
    module = BatchTripletLoss(margin=1.0, beta=0.25)
    anchor, positive, negative = two_triplets
    expected = batch_triplet_loss(*two_triplets, margin=1.0, beta=0.25)
    assert_close(module(*two_triplets), expected)
    d_ap, d_an = ((anchor - other).square().sum(1) for other in (positive, negative))
    assert_close(module.from_distances(d_ap, d_an), expected)
    assert repr(module) == "BatchTripletLoss(margin=1.0, beta=0.25)"


def test_defaults_are_the_papers(two_triplets: Triplets) -> None:
    assert (BatchTripletLoss().margin, BatchTripletLoss().beta) == (0.5, 0.7)
    assert_close(batch_triplet_loss(*two_triplets), batch_triplet_loss(*two_triplets, margin=0.5, beta=0.7))


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
    for loss in (batch_triplet_loss, BatchTripletLoss()):
        with pytest.raises(ValueError, match=r"one shape \(N, D\)"):
            loss(*tensors)


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan")])
def test_refuses_beta_outside_0_to_1(beta: float) -> None:
    with pytest.raises(ValueError, match=r"`beta` in \[0, 1\]"):
        BatchTripletLoss(beta=beta)
    with pytest.raises(ValueError, match=r"`beta` in \[0, 1\]"):
        batch_triplet_loss(*random_triplets(), beta=beta)


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_a_margin_that_is_not_positive(margin: float) -> None:
    with pytest.raises(ValueError, match=r"`margin` \(α\) above 0"):
        BatchTripletLoss(margin=margin)
    with pytest.raises(ValueError, match=r"`margin` \(α\) above 0"):
        batch_triplet_loss(*random_triplets(), margin=margin)
