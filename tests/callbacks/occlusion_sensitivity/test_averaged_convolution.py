"""Averaged convolution against the average of a convolution."""

import random

import pytest
import torch
from torch.nn.functional import conv2d
from torch.testing import assert_close

from callbacks.occlusion_sensitivity.averaged_convolution import averaged_convolution

Pair = tuple[int, int]


def test_equals_the_mean_of_the_convolution_for_any_settings() -> None:
    rng = random.Random(0)  # noqa: S311  settings of a test
    generator = torch.Generator().manual_seed(0)
    compared = 0
    for _ in range(400):
        height, width, h, w = rng.randint(1, 9), rng.randint(1, 9), rng.randint(1, 5), rng.randint(1, 5)
        stride, dilation = (rng.randint(1, 4), rng.randint(1, 4)), (rng.randint(1, 3), rng.randint(1, 3))
        padding = (rng.randint(0, 6), rng.randint(0, 6))
        if dilation[0] * (h - 1) >= height + 2 * padding[0] or dilation[1] * (w - 1) >= width + 2 * padding[1]:
            continue  # no output
        x = torch.randn(2, 3, height, width, dtype=torch.float64, generator=generator)
        weight = torch.randn(4, 3, h, w, dtype=torch.float64, generator=generator)
        bias = torch.randn(4, dtype=torch.float64, generator=generator) if rng.random() < 0.5 else None
        expected = conv2d(x, weight, bias, stride, padding, dilation).mean((2, 3), keepdim=True)
        found = averaged_convolution(x, weight, bias, stride, padding, dilation)
        assert_close(found, expected, atol=1e-10, rtol=1e-10)
        assert torch.equal(averaged_convolution(x, weight, bias, stride, padding, dilation, False), found[..., 0, 0])
        compared += 1
    assert compared > 200


@pytest.mark.parametrize(("stride", "padding"), [((1, 1), (0, 0)), ((2, 1), (1, 2))])
def test_has_the_gradient_of_the_mean_of_the_convolution(stride: Pair, padding: Pair) -> None:
    x, weight = torch.randn(2, 3, 6, 5, dtype=torch.float64), torch.randn(2, 3, 3, 2, dtype=torch.float64)
    gradients = []
    for average in (True, False):
        ours = (x.clone().requires_grad_(), weight.clone().requires_grad_())
        if average:
            result = averaged_convolution(*ours, None, stride, padding, (1, 1), False)
        else:
            result = conv2d(*ours, None, stride, padding).mean((2, 3))
        gradients.append(torch.autograd.grad(result.square().sum(), ours))
    for found, expected in zip(*gradients, strict=True):
        assert_close(found, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("result", [None, torch.float32])
def test_sums_of_a_large_map_neither_overflow_nor_round(dtype: torch.dtype, result: torch.dtype | None) -> None:
    x = 20 + torch.rand(1, 2, 112, 112, generator=torch.Generator().manual_seed(0))  # a sum of 250,000
    weight = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    settings = ((1, 1), (1, 1), (1, 1))
    expected = conv2d(x.to(dtype).float(), weight.to(dtype).float(), None, *settings).mean((2, 3), keepdim=True)
    found = averaged_convolution(x.to(dtype), weight.to(dtype), None, *settings, dtype=result)
    assert found.dtype == (result or dtype)
    assert_close(found.float(), expected, rtol=1e-5 if result else torch.finfo(dtype).eps, atol=1e-4)
