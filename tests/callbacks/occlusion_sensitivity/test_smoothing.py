import pytest
import torch
from torch import Tensor

from callbacks.occlusion_sensitivity.smoothing import LocalQuadratic, choose_bandwidth, smooth_proportions


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    rows, columns = torch.arange(height).double(), torch.arange(width).double()
    return rows[:, None].expand(height, width), columns.expand(height, width)


def field(height: int, width: int) -> Tensor:
    rows, columns = grid(height, width)
    return 0.05 + 0.6 * torch.exp(-((rows / height - 0.4) ** 2) / 0.06 - ((columns / width - 0.5) ** 2) / 0.1)


def binomial(surface: Tensor, mean: float, seed: int, groups: int = 32) -> tuple[Tensor, Tensor]:
    """Independent observations, Poisson counts in (2, G, H, W)."""
    shape = (2, groups, *surface.shape)
    counts = torch.poisson(torch.full(shape, mean / 2 / groups), generator=generator(seed))
    errors = torch.binomial(counts, surface.float().expand(shape), generator=generator(seed + 1000))
    return counts.long(), errors.long()


@pytest.mark.parametrize("bandwidth", [(1.0, 1.0), (2.0, 5.0), (30.0, 30.0)])
def test_quadratic_surfaces_are_reproduced_up_to_the_border_whatever_the_counts(
    bandwidth: tuple[float, float],
) -> None:
    rows, columns = grid(15, 11)
    surface = 0.3 + 0.02 * rows - 0.05 * columns + 0.001 * rows**2 + 0.003 * rows * columns - 0.002 * columns**2
    counts = torch.randint(1, 6, (15, 11), generator=generator(0))
    torch.testing.assert_close(LocalQuadratic(counts, bandwidth)(counts * surface), surface, atol=1e-6, rtol=0)


def test_the_fit_is_that_of_weighted_least_squares_around_a_place() -> None:
    rows, columns = grid(8, 9)
    counts = torch.randint(0, 4, (8, 9), generator=generator(1)).double()
    errors = torch.rand(8, 9, generator=generator(2)).double() * counts
    fit = LocalQuadratic(counts, (1.5, 2.0))(errors)
    for row, column in ((0, 0), (3, 4), (7, 2)):
        y, x = (rows - row).flatten(), (columns - column).flatten()
        weights = torch.exp(-((y / 1.5) ** 2 + (x / 2.0) ** 2) / 2) * counts.flatten()
        design = torch.stack([torch.ones_like(x), y, x, y * y, y * x, x * x], 1)
        means = (errors / counts.clamp(min=1)).flatten()
        solution = torch.linalg.solve(design.T @ (weights[:, None] * design), design.T @ (weights * means))
        torch.testing.assert_close(fit[row, column], solution[0], atol=1e-6, rtol=0)


def test_squared_weights_are_those_of_the_linear_map() -> None:
    counts = torch.randint(1, 4, (5, 6), generator=generator(3))
    fit = LocalQuadratic(counts, (1.0, 2.0))
    weights = fit(torch.eye(30).view(30, 5, 6))  # (30, 5, 6)
    values = torch.rand(5, 6, generator=generator(4)).double()
    expected = (weights.square() * values.flatten()[:, None, None]).sum(0)
    torch.testing.assert_close(fit.squared_weights(values), expected)


def test_the_fit_is_finite_where_nothing_was_observed() -> None:
    counts = torch.zeros(40, 40)
    counts[:3, :3] = 1
    fit = LocalQuadratic(counts, (1.0, 1.0))
    assert fit(counts).isfinite().all()


def test_rougher_surfaces_get_narrower_kernels() -> None:
    rows, _ = grid(40, 40)
    stripes = 0.5 + 0.45 * torch.sin(rows)
    flat = torch.full((40, 40), 0.3)
    narrow, wide = (choose_bandwidth(*binomial(s, 20.0, 0), (12, 12)) for s in (stripes, flat))
    assert narrow[0] < wide[0]
    assert narrow[0] < narrow[1]


@pytest.mark.parametrize("mean", [10.0, 40.0])
def test_standard_errors_are_honest_on_a_bernoulli_field(mean: float) -> None:
    surface = field(40, 30)
    covered, error, stated = [], [], []
    for seed in range(10):
        counts, errors = binomial(surface, mean, seed)
        result = smooth_proportions(counts, errors, images=1000, occluder_size=(10, 10), share=mean / 1000)
        difference = (result.value - surface).abs()
        covered.append((difference <= 3 * result.standard_error).double().mean())
        error.append(difference.square().mean())
        stated.append(result.standard_error.square().mean())
    assert torch.stack(covered).mean() >= 0.99
    ratio = (torch.stack(stated).mean() / torch.stack(error).mean()).sqrt()
    assert 0.9 < ratio < 1.8  # neither too small nor useless


def test_an_error_never_seen_is_not_certain() -> None:
    counts = torch.ones(2, 4, 10, 10, dtype=torch.int64)
    for errors in (torch.zeros_like(counts), counts):
        result = smooth_proportions(counts, errors, images=100, occluder_size=(5, 5), share=0.08)
        torch.testing.assert_close(result.value, errors[0, 0].double(), atol=1e-6, rtol=0)
        assert result.standard_error.min() > 0.003
