"""The window of an occluder: the paper's formula, pixel by pixel."""

from itertools import product

import numpy as np
import pytest

from datamodules.occluders import occluder_window

IMAGE = (12, 9)


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (3, 4), (5, 8), (12, 9), (20, 20)])
def test_covers_the_pixels_of_the_formula(size: tuple[int, int]) -> None:
    """Rows i − ⌊h/2⌋ to i − ⌊h/2⌋ + h − 1 and columns alike, those on the image; centres off it too."""
    (h, w), (height, width) = size, IMAGE
    for i, j in product(range(-9, height + 15), range(-9, width + 15)):
        seen, expected = np.zeros(IMAGE, bool), np.zeros(IMAGE, bool)
        seen[occluder_window((i, j), size, IMAGE)] = True
        for row, column in product(range(i - h // 2, i - h // 2 + h), range(j - w // 2, j - w // 2 + w)):
            if 0 <= row < height and 0 <= column < width:
                expected[row, column] = True
        np.testing.assert_array_equal(seen, expected)


def test_twenty_pixels_start_ten_before_the_centre() -> None:
    assert occluder_window((50, 50), (20, 40), (100, 100)) == (slice(40, 60), slice(30, 70))


def test_of_a_corner_only_the_half_after_the_centre_is_left() -> None:
    assert occluder_window((0, 0), (20, 40), (100, 100)) == (slice(0, 10), slice(0, 20))
    assert occluder_window((99, 99), (20, 40), (100, 100)) == (slice(89, 100), slice(79, 100))
