"""Normal placement: a truncated normal distribution around the middle of the image."""

from collections import Counter

import numpy as np
import pytest

from datamodules.occluders import NormalPlacement


def centres(scale: float, height: int, width: int, draws: int = 4000) -> list[tuple[int, int]]:
    place, rng = NormalPlacement(scale), np.random.default_rng(0)
    return [place(height, width, rng) for _ in range(draws)]


def test_is_a_normal_drawn_again_while_off_the_image() -> None:
    height, draws = 10, 4000
    rng = np.random.default_rng(1)
    points = rng.normal(height / 2, 0.25 * height, 400_000)
    points = points[(points >= 0) & (points < height)]
    share = np.bincount(points.astype(int), minlength=height) / len(points)
    counts = np.bincount([row for row, _ in centres(0.25, height, 1, draws)], minlength=height)
    assert ((counts - draws * share) ** 2 / (draws * share)).sum() < 21.7  # 99 % quantile at 9 degrees of freedom


def test_the_scale_is_a_share_of_each_side() -> None:
    points = np.array(centres(0.1, 100, 200)) + 0.5  # the middle of the pixel
    np.testing.assert_allclose(points.mean(axis=0), (50, 100), rtol=0.02)
    np.testing.assert_allclose(points.std(axis=0), (10, 20), rtol=0.05)


def test_rows_and_columns_are_independent() -> None:
    assert abs(np.corrcoef(np.array(centres(0.25, 100, 100)).T)[0, 1]) < 0.05


def test_the_default_spans_the_image_with_two_standard_deviations() -> None:
    assert NormalPlacement().scale == 0.25


def test_reaches_every_pixel_and_no_other() -> None:
    assert set(centres(10, 3, 2)) == {(row, column) for row in range(3) for column in range(2)}


def test_a_narrow_one_stays_in_the_middle() -> None:
    assert set(centres(1e-300, 101, 101, 20)) == {(50, 50)}
    assert set(Counter(centres(1e-3, 100, 1, 100))) == {(49, 0), (50, 0)}  # an even side has two middles


@pytest.mark.parametrize("scale", [0.0, -1.0, 10.1, float("nan"), float("inf")])
def test_refuses_a_scale_out_of_range(scale: float) -> None:
    with pytest.raises(ValueError, match="`scale` above 0 and at most 10, got"):
        NormalPlacement(scale)


def test_any_occluder_may_be_placed() -> None:
    NormalPlacement().check_occluder(20, 4000)
