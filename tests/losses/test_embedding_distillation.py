"""Embedding distillation: golden values, invariances, gradients and refusals."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import normalize

from losses import EmbeddingDistillationLoss, embedding_distillation_loss


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_angles_of_0_60_90_and_180_degrees() -> None:
    angles = torch.tensor([0, math.pi / 3, math.pi / 2, math.pi], dtype=torch.float64)
    embeddings = torch.stack([angles.cos(), angles.sin()], 1)
    targets = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(4, 2)
    torch.testing.assert_close(embedding_distillation_loss(embeddings, targets).item(), (0 + 0.5 + 1 + 2) / 4)


def test_is_half_the_squared_distance_of_unit_vectors() -> None:
    v, t = some(6, 5), some(6, 5, seed=1)
    expected = (normalize(v) - normalize(t)).square().sum(1).mean() / 2
    torch.testing.assert_close(embedding_distillation_loss(v, t), expected)


def test_lengths_do_not_matter() -> None:
    v, t = some(4, 3), some(4, 3, seed=1)
    scaled = embedding_distillation_loss(v * torch.tensor([[0.1], [2], [30], [400]]), 7 * t)
    torch.testing.assert_close(scaled, embedding_distillation_loss(v, t))


def test_gradients_are_those_of_finite_differences() -> None:
    assert gradcheck(lambda v: embedding_distillation_loss(v, some(3, 4, seed=1)), some(3, 4).requires_grad_())


def test_targets_take_no_gradient() -> None:
    v, t = some(3, 4).requires_grad_(), some(3, 4, seed=1).requires_grad_()
    embedding_distillation_loss(v, t).backward()  # type: ignore[no-untyped-call]  # torch's
    assert v.grad is not None
    assert t.grad is None


def test_an_embedding_of_zeros_has_no_direction_and_a_finite_gradient() -> None:
    v = torch.zeros(1, 3, requires_grad=True)
    loss = embedding_distillation_loss(v, torch.ones(1, 3))
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    assert loss == 1
    assert v.grad is not None
    assert v.grad.isfinite().all()


def test_half_precision_is_promoted() -> None:
    v, t = some(8, 16).bfloat16(), some(8, 16, seed=1).bfloat16()
    loss = embedding_distillation_loss(v, t)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, embedding_distillation_loss(v.float(), t.float()))


def test_module_is_the_function() -> None:
    v, t = some(4, 3), some(4, 3, seed=1)
    assert EmbeddingDistillationLoss()(v, t) == embedding_distillation_loss(v, t)


@pytest.mark.parametrize(("v", "t"), [((3, 4), (3, 5)), ((3, 4), (2, 4)), ((4,), (4,)), ((0, 4), (0, 4))])
def test_refuses_other_shapes(v: tuple[int, ...], t: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"non-empty embeddings and targets of one shape \(B, D\), got \("):
        embedding_distillation_loss(torch.zeros(v), torch.zeros(t))
