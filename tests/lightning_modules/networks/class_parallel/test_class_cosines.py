"""Cosines whose directions are never normalised are those of normalised directions."""

import pytest
import torch
from torch.nn.functional import normalize

from lightning_modules.networks.class_parallel.class_cosines import class_cosines
from tests.conftest import Precision


def test_value_and_gradients_are_those_of_normalising_first() -> None:
    torch.manual_seed(0)
    x = normalize(torch.randn(3, 4, dtype=torch.float64)).requires_grad_()
    w = (5 * torch.randn(4, 6, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(class_cosines, (x, w))
    torch.testing.assert_close(class_cosines(x, w), x @ normalize(w, dim=0))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_lengths_of_directions_do_not_count(scale: float, device: torch.device) -> None:
    torch.manual_seed(0)
    x, w = normalize(torch.randn(3, 4, device=device)), torch.randn(4, 6, device=device)
    torch.testing.assert_close(class_cosines(x, scale * w), class_cosines(x, w))


def test_a_direction_of_zeros_has_a_cosine_of_zero_and_finite_gradients() -> None:
    w = torch.zeros(4, 2, requires_grad=True)
    cosines = class_cosines(normalize(torch.ones(1, 4)), w)
    torch.autograd.backward(cosines.sum())
    assert cosines.tolist() == [[0.0, 0.0]]
    assert w.grad is not None
    assert w.grad.isfinite().all()


def test_they_are_in_float32_under_autocast(precision: Precision) -> None:
    x, w = torch.ones(1, 4, device=precision.device) / 2, torch.randn(4, 2, device=precision.device)
    with precision.autocast():
        assert class_cosines(x, w).dtype == torch.float32
