"""Margin heads: the papers' formulae in a plain loop, scores without a margin, single precision, and refusals."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from torch.testing import assert_close

from lightning_modules.networks import ArcFaceHead, CosFaceHead, MarginHead

D, N = 5, 4
HEADS = {"ArcFace": ArcFaceHead, "CosFace": CosFaceHead}
Make = Callable[..., MarginHead]
each_head = pytest.mark.parametrize("make", HEADS.values(), ids=HEADS)


def directions(head: MarginHead) -> Tensor:
    """Return the head's weights ``(D, n)``."""
    (weight,) = head.parameters()
    return weight


def in_float64(head: MarginHead) -> MarginHead:
    torch.nn.init.normal_(directions(head))
    return head.double()


def embeddings(number: int = 12, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(number, D, dtype=dtype)


def identities(number: int = 12) -> Tensor:
    return torch.arange(number) % N


def target_arcface(theta: float, margin: float) -> float:
    m = margin * math.pi / 180
    return math.cos(theta + m) if theta + m <= math.pi else math.cos(theta) - m * math.sin(m)


def target_cosface(theta: float, margin: float) -> float:
    return math.cos(theta) - margin


def plain_loss(x: Tensor, weight: Tensor, y: Tensor, scale: float, target: Callable[[float], float]) -> float:
    """Compute the loss number by number; ``target`` gives the true class's cosine with its margin."""
    losses = []
    for row, label in zip(x.tolist(), y.tolist(), strict=True):
        logits = []
        for j, direction in enumerate(weight.T.tolist()):
            product = sum(a * b for a, b in zip(row, direction, strict=True))
            theta = math.acos(product / math.hypot(*row) / math.hypot(*direction))
            logits.append(scale * (target(theta) if j == label else math.cos(theta)))
        losses.append(math.log(sum(math.exp(z) for z in logits)) - logits[label])
    return math.fsum(losses) / len(losses)


@pytest.mark.parametrize(("margin", "scale"), [(28.6, 64.0), (12.0, 16.0), (90.0, 8.0), (0.0, 16.0)])
def test_arcface_is_the_formula_in_a_plain_loop(margin: float, scale: float) -> None:
    head, x, y = in_float64(ArcFaceHead(D, N, margin=margin, scale=scale)), embeddings(), identities()
    with torch.no_grad():
        angles = (normalize(x) @ normalize(directions(head), dim=0)).acos()[torch.arange(12), y]
    assert margin < 90 or (angles > math.pi / 2).any()  # both branches are met
    expected = plain_loss(x, directions(head), y, scale, lambda theta: target_arcface(theta, margin))
    assert head.loss(x, y).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("margin", "scale"), [(0.35, 64.0), (0.1, 16.0), (1.0, 8.0), (0.0, 16.0)])
def test_cosface_is_the_formula_in_a_plain_loop(margin: float, scale: float) -> None:
    head, x, y = in_float64(CosFaceHead(D, N, margin=margin, scale=scale)), embeddings(), identities()
    expected = plain_loss(x, directions(head), y, scale, lambda theta: target_cosface(theta, margin))
    assert head.loss(x, y).item() == pytest.approx(expected, rel=1e-10)


def test_published_defaults() -> None:
    x, y = embeddings(), identities()
    for make, margin in ((ArcFaceHead, 28.6), (CosFaceHead, 0.35)):
        head, stated = in_float64(make(D, N)), make(D, N, margin=margin, scale=64.0).double()
        stated.load_state_dict(head.state_dict())
        assert torch.equal(head.loss(x, y), stated.loss(x, y))
    assert math.radians(28.6) == pytest.approx(0.5, abs=1e-3)


@each_head
def test_without_a_margin_the_loss_is_softmax_of_the_scores(make: Make) -> None:
    head, x, y = in_float64(make(D, N, margin=0.0, scale=16.0)), embeddings(), identities()
    assert_close(head.loss(x, y), cross_entropy(head(x), y))


@each_head
def test_a_margin_makes_the_loss_larger_and_leaves_the_scores(make: Make) -> None:
    with_margin, without = in_float64(make(D, N, scale=8.0)), make(D, N, margin=0.0, scale=8.0).double()
    without.load_state_dict(with_margin.state_dict())
    x, y = embeddings(), identities()
    assert with_margin.loss(x, y) > without.loss(x, y) + 1.0
    assert torch.equal(with_margin(x), without(x))
    expected = 8.0 * normalize(x, dim=1) @ normalize(directions(with_margin), dim=0)
    assert_close(with_margin(x), expected)
    assert torch.equal(with_margin.train()(x), with_margin.eval()(x))


@each_head
def test_lengths_do_not_count(make: Make) -> None:
    head, x, y = in_float64(make(D, N)), embeddings(), identities()
    lengths = torch.logspace(-3, 3, 12, dtype=torch.float64)[:, None]
    scores, loss = head(x), head.loss(x, y)
    assert_close(head(lengths * x), scores)
    assert_close(head.loss(lengths * x, y), loss)
    directions(head).data *= torch.tensor([0.01, 1.0, 5.0, 100.0])
    assert_close(head(x), scores)
    assert_close(head.loss(x, y), loss)


@each_head
def test_gradient_is_that_of_the_loss_for_embeddings_and_weights(make: Make) -> None:
    head, x, y = in_float64(make(D, N, scale=4.0)), embeddings(6), identities(6)

    def loss(x: Tensor, weight: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(head.margin_loss, {"W": weight}, (x, y))
        return result

    assert torch.equal(loss(x, directions(head)), head.loss(x, y))
    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), directions(head)))


@each_head
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradient_is_finite_on_a_classs_own_direction_and_against_it(make: Make, sign: float) -> None:
    head = make(D, N)
    x = (sign * directions(head).detach().T.clone()).requires_grad_()
    head.loss(x, torch.arange(N)).backward()  # type: ignore[no-untyped-call]  # torch's
    for tensor in (x, directions(head)):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


@each_head
def test_half_precision_is_that_of_the_embeddings_alone(make: Make) -> None:
    head, y = make(D, N), identities()
    x = embeddings(dtype=torch.bfloat16)
    expected, scores = head.loss(x.float(), y), head(x.float())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(head.loss(x, y), expected)
        assert torch.equal(head(x), scores)
    assert directions(head).dtype == expected.dtype == torch.float32


@each_head
def test_directions_start_short_so_that_sgd_can_turn_them(make: Make) -> None:
    weight = directions(make(256, 100))
    assert weight.std().item() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize("margin", [0.5, -1.0, 91.0, math.nan, math.inf])
def test_refuses_arcface_margin(margin: float) -> None:
    with pytest.raises(ValueError, match=f"ArcFace's `margin` in degrees, 0 or from 1 to 90, .* got {margin}"):
        ArcFaceHead(D, N, margin=margin)


@pytest.mark.parametrize("margin", [28.6, -0.1, math.nan])
def test_refuses_cosface_margin(margin: float) -> None:
    with pytest.raises(ValueError, match=f"CosFace's `margin`, a difference of cosines, from 0 to 1, got {margin}"):
        CosFaceHead(D, N, margin=margin)


@each_head
@pytest.mark.parametrize("scale", [0.0, -64.0, math.inf, math.nan])
def test_refuses_scale(make: Make, scale: float) -> None:
    with pytest.raises(ValueError, match=rf"`scale` \(s\) above 0, got {scale}"):
        make(D, N, scale=scale)
