"""Decidability (Eq. 8): by hand, unmoved by shift and scale, and what it refuses."""

import math

import pytest
import torch
from torch.testing import assert_close

from losses import decidability


def test_golden_value() -> None:
    genuine, impostor = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([5.0, 9.0])  # means 2, 7; variances 2/3, 4
    assert_close(decidability(genuine, impostor), torch.tensor(5 / math.sqrt((2 / 3 + 4) / 2)))


def test_of_two_normal_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    genuine, impostor = (torch.randn(200_000, generator=generator, dtype=torch.float64) for _ in range(2))
    assert decidability(genuine, 3 + 2 * impostor).item() == pytest.approx(3 / math.sqrt(2.5), rel=0.01)


@pytest.mark.parametrize(("scale", "shift"), [(0.1, 0.0), (1.0, 5.0), (-0.5, 1.0)])
def test_scale_and_shift_change_nothing(scale: float, shift: float) -> None:
    genuine, impostor = torch.rand(2, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) ** 2
    moved = decidability(scale * genuine + shift, scale * (impostor + 1) + shift)
    assert_close(moved, decidability(genuine, impostor + 1))


def test_either_order_gives_the_same() -> None:
    genuine, impostor = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0, 9.0])
    assert_close(decidability(genuine, impostor), decidability(impostor, genuine))


def test_half_precision_is_promoted() -> None:
    genuine, impostor = torch.rand(2, 9).half()
    assert_close(decidability(genuine, impostor), decidability(genuine.float(), impostor.float()))


def test_is_infinite_where_nothing_varies() -> None:
    assert decidability(torch.zeros(3), torch.ones(2)) == math.inf


@pytest.mark.parametrize("shapes", [[(0,), (2,)], [(2,), (0,)], [(2, 2), (2,)]])
def test_refuses_nothing_and_other_shapes(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"non-empty scores \(N,\) and \(M,\)"):
        decidability(*(torch.zeros(shape) for shape in shapes))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-7, 0.7])
def test_is_zero_where_everything_is_the_same_however_often(value: float) -> None:
    for genuine, impostor in ((3, 5), (10, 999), (1001, 7)):
        assert decidability(torch.full((genuine,), value), torch.full((impostor,), value)) == 0
        assert decidability(torch.full((genuine,), value), torch.full((impostor,), value + 0.1)) == math.inf
