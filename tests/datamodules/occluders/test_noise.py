"""Noise kinds: their statistics, before clipping."""

from collections.abc import Callable

import numpy as np
import pytest

from datamodules.occluders.noise import Float32, gaussian, salt_and_pepper, speckle

Noise = Callable[[Float32, float, np.random.Generator], Float32]
SIDE = 200


def patch(*intensity: float) -> Float32:
    return np.broadcast_to(np.array(intensity, np.float32), (SIDE, SIDE, len(intensity)))


@pytest.mark.parametrize("level", [0.05, 0.3, 1.0])
def test_salt_and_pepper_replaces_a_share_by_black_and_white(level: float) -> None:
    noisy = salt_and_pepper(patch(100), level, np.random.default_rng(0))
    tolerance = 4 * np.sqrt(0.25 / SIDE**2)
    assert (noisy == 0).mean() == pytest.approx(level / 2, abs=tolerance)
    assert (noisy == 255).mean() == pytest.approx(level / 2, abs=tolerance)
    assert (noisy == 100).mean() == pytest.approx(1 - level, abs=tolerance)
    assert set(np.unique(noisy)) <= {0, 100, 255}


def test_salt_and_pepper_turn_all_channels_of_a_pixel() -> None:
    noisy = salt_and_pepper(patch(10, 100, 200), 0.5, np.random.default_rng(0))
    for value in (0, 255):
        np.testing.assert_array_equal((noisy == value).any(axis=2), (noisy == value).all(axis=2))


@pytest.mark.parametrize("level", [0.1, 0.5])
def test_speckle_deviates_in_proportion_to_the_intensity(level: float) -> None:
    noisy = speckle(patch(0, 50, 200), level, np.random.default_rng(0))
    np.testing.assert_allclose(noisy.std(axis=(0, 1)), (0, 50 * level, 200 * level), rtol=0.02)
    np.testing.assert_allclose(noisy.mean(axis=(0, 1)), (0, 50, 200), rtol=0.02)


@pytest.mark.parametrize("level", [0.03, 0.2])
def test_gaussian_deviates_by_a_share_of_the_range(level: float) -> None:
    noisy = gaussian(patch(0, 50, 200), level, np.random.default_rng(0))
    np.testing.assert_allclose(noisy.std(axis=(0, 1)), 255 * level, rtol=0.02)
    np.testing.assert_allclose(noisy.mean(axis=(0, 1)), (0, 50, 200), atol=1)


@pytest.mark.parametrize("noise", [speckle, gaussian])
def test_channels_are_noisy_on_their_own(noise: Noise) -> None:
    noisy = noise(patch(100, 100, 100), 0.2, np.random.default_rng(0))
    correlation = np.corrcoef(noisy.reshape(-1, 3).T)
    np.testing.assert_allclose(correlation, np.eye(3), atol=0.03)


@pytest.mark.parametrize("noise", [salt_and_pepper, speckle, gaussian])
def test_level_zero_changes_nothing(noise: Noise) -> None:
    clean = patch(10, 100, 200)
    noisy = noise(clean, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(noisy, clean)
    assert noisy.dtype == np.float32
