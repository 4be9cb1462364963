"""Centres and the map between them."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator

from callbacks.occlusion_sensitivity.centres import centres, interpolate


@pytest.mark.parametrize("length", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("stride", [1, 2, 3, 9, 50])
def test_first_and_last_are_centres_and_no_gap_is_wider_than_the_stride(length: int, stride: int) -> None:
    at = centres(length, stride).tolist()
    assert at == sorted({*range(0, length, stride), length - 1})


@pytest.mark.parametrize(("size", "stride"), [((9, 7), 3), ((8, 8), 3), ((5, 12), 100), ((6, 6), 1), ((2, 3), 2)])
def test_interpolation_is_scipy_s(size: tuple[int, int], stride: int) -> None:
    at = [centres(length, stride) for length in size]
    values = torch.randn(len(at[0]), len(at[1]))
    reference = RegularGridInterpolator([a.numpy() for a in at], values.numpy())
    rows, columns = np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij")
    found = interpolate(values, at[0], at[1], size)
    np.testing.assert_allclose(found.numpy(), reference((rows, columns)), atol=1e-6)
    assert torch.equal(found[at[0]][:, at[1]], values)


def test_an_image_one_pixel_wide_has_one_centre() -> None:
    rows, columns = centres(3, 2), centres(1, 2)
    assert interpolate(torch.tensor([[1.0], [3.0]]), rows, columns, (3, 1)).tolist() == [[1.0], [2.0], [3.0]]
