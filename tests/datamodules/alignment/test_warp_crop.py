"""Warping: pixels land where the map says, borders are black, and fine patterns become grey instead of waves."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from datamodules.alignment.warp_crop import warp_crop


def scaling(scale: float, angle: float = 0.0) -> NDArray[np.float64]:
    """Scale and turn about the origin's corner: the crop's area is the image's."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([linear, linear @ [0.5, 0.5] - 0.5])


def checkerboard(side: int) -> NDArray[np.uint8]:
    rows, columns = np.indices((side, side))
    return np.repeat((255 * ((rows + columns) % 2))[..., None], 3, -1).astype(np.uint8)


def test_identity_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert_array_equal(warp_crop(image, np.eye(2, 3), 32), image)


def test_whole_shifts_move_whole_pixels_and_leave_black() -> None:
    image = np.random.default_rng(0).integers(1, 256, (32, 32, 3), dtype=np.uint8)
    crop = warp_crop(image, np.array([[1.0, 0, 5], [0, 1, -3]]), 32)
    assert_array_equal(crop[:29, 5:], image[3:, :27])
    assert not crop[29:].any()
    assert not crop[:, :5].any()


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_whole_factors_are_means_of_blocks(factor: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (16 * factor, 16 * factor, 3), dtype=np.uint8)
    blocks = image.reshape(16, factor, 16, factor, 3).mean((1, 3))
    # bilinear samples at pixels' centres are the pixels
    assert np.abs(warp_crop(image, scaling(1 / factor), 16) - blocks).max() <= 1


@pytest.mark.parametrize("angle", [0.0, 0.3])
@pytest.mark.parametrize("scale", [0.9, 0.6, 0.45, 0.3, 0.2, 0.1, 0.05])
def test_checkerboard_does_not_alias(scale: float, angle: float) -> None:
    side = int(64 / scale)
    crop = warp_crop(checkerboard(side), scaling(scale, angle), 64)
    inside = crop[24:40, 24:40] if angle == 0 else crop[38:48, 8:24]
    assert abs(float(inside.mean()) - 127.5) < 4
    if scale <= 0.6:
        assert inside.std() < 16  # sampled bilinearly 38 and more, at the nearest pixel 127


def test_a_ramp_stays_a_ramp_through_any_scale() -> None:
    for scale in (0.07, 0.2, 0.4, 0.7, 1.5):
        side = round(64 / scale)
        ramp = np.repeat(np.linspace(0, 255, side).round().astype(np.uint8)[None], side, 0)
        crop = warp_crop(ramp, scaling(64 / side), 64)
        expected = np.interp((np.arange(64) + 0.5) * side / 64 - 0.5, np.arange(side), np.linspace(0, 255, side))
        assert np.abs(crop[20, 4:60] - expected[4:60]).max() <= 2


def test_grey_and_tiny_images_and_flat_maps_are_taken() -> None:
    assert warp_crop(np.full((1, 1, 3), 9, np.uint8), scaling(16), 16).shape == (16, 16, 3)
    assert warp_crop(np.full((40, 40), 9, np.uint8), scaling(0.01), 16).shape == (16, 16)
    assert warp_crop(np.full((40, 40, 3), 9, np.uint8), np.array([[1.0, 0, 0], [0, 1e-7, 0]]), 16).shape == (16, 16, 3)
