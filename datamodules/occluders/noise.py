"""Three kinds of noise on the pixels of a patch, before they are clipped to what a pixel can hold."""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def salt_and_pepper(patch: Float32, level: float, generator: np.random.Generator) -> Float32:
    """Return the patch with a share of its pixels replaced by white or black, either as often.

    Args:
        patch: ``(h, w, C)`` float32, 0 to 255.
        level: Share of the pixels, in [0, 1].
        generator: The only source of randomness.
    """
    chance = generator.random((*patch.shape[:2], 1), np.float32)  # of a pixel: all channels turn white or black
    return np.where(chance < level / 2, np.float32(0), np.where(chance >= 1 - level / 2, np.float32(255), patch))


def speckle(patch: Float32, level: float, generator: np.random.Generator) -> Float32:
    """Return the patch with multiplicative noise, x · (1 + level · n) with n standard normal in every channel.

    Args:
        patch: ``(h, w, C)`` float32, 0 to 255.
        level: Standard deviation as a share of the intensity, at least 0.
        generator: The only source of randomness.
    """
    return patch + patch * np.float32(level) * generator.standard_normal(patch.shape, np.float32)


def gaussian(patch: Float32, level: float, generator: np.random.Generator) -> Float32:
    """Return the patch with additive noise, x + 255 · level · n with n standard normal in every channel.

    Args:
        patch: ``(h, w, C)`` float32, 0 to 255.
        level: Standard deviation as a share of the full range, at least 0.
        generator: The only source of randomness.
    """
    return patch + np.float32(255 * level) * generator.standard_normal(patch.shape, np.float32)
