"""Uniform placement: every pixel of the image, each as often."""

import numpy as np

from datamodules.occluders import UniformPlacement


def test_every_pixel_is_as_likely() -> None:
    rng, draws = np.random.default_rng(0), 6000
    counts = np.zeros((5, 7))
    for _ in range(draws):
        counts[UniformPlacement()(5, 7, rng)] += 1
    expected = draws / counts.size
    assert ((counts - expected) ** 2 / expected).sum() < 56.1  # 99 % quantile at 34 degrees of freedom


def test_any_occluder_may_be_placed() -> None:
    UniformPlacement().check_occluder(20, 4000)
