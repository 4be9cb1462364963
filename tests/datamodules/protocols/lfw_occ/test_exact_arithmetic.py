"""Whole numbers: what comes out is what exact fractions give, rounded as the docstrings say."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.protocols.lfw_occ.exact_arithmetic import ONE, Matrix, Sheet, composite, halve, levels_of, resize, warp
from datamodules.seams.face_source import UInt8Image

RNG = np.random.default_rng(0)


def sheet(height: int = 9, width: int = 7) -> UInt8Image:
    return RNG.integers(0, 256, (height, width, 5), dtype=np.uint8)


def sampled(pixels: UInt8Image, x: Fraction, y: Fraction) -> list[int]:
    """Sample between the centres of four pixels, with weights in 1 / 256; beyond the edge lies nothing."""
    column, row = floor(x), floor(y)
    right, low = floor((x - column) * 256), floor((y - row) * 256)
    found = [Fraction()] * 5
    for j, i, weight in (
        (column, row, (256 - right) * (256 - low)),
        (column + 1, row, right * (256 - low)),
        (column, row + 1, (256 - right) * low),
        (column + 1, row + 1, right * low),
    ):
        if 0 <= i < pixels.shape[0] and 0 <= j < pixels.shape[1]:
            found = [f + Fraction(weight, 65536) * int(v) for f, v in zip(found, pixels[i, j], strict=True)]
    return [floor(value + Fraction(1, 2)) for value in found]


@pytest.mark.parametrize(
    "matrix",
    [
        (ONE, 0, 0, 0, ONE, 0),
        (3 * ONE // 4, 9000, -2 * ONE, -9001, 3 * ONE // 4 + 1, ONE + 77),
        (-ONE, 5, 14 * ONE, 3, ONE // 2, -ONE // 3),
    ],
)
def test_warp_samples_between_pixels_where_the_shape_covers_half(matrix: Matrix) -> None:
    pixels, size = sheet(), (20, 17)
    left, top = -3 * ONE, 2 * ONE - 1234
    indices, values = warp(Sheet(levels_of(pixels), left, top, 2), matrix, size)
    found = dict(zip(indices.tolist(), values.tolist(), strict=True))
    a, b, c, d, e, f = matrix
    for number in range(size[0] * size[1]):
        y, x = divmod(number, size[1])
        across = Fraction((a * x + b * y + c - left) // 2 - ONE // 2, ONE)
        down = Fraction((d * x + e * y + f - top) // 2 - ONE // 2, ONE)
        expected = sampled(pixels, across, down)
        assert found.get(number) == (expected if expected[4] >= 128 else None)
    assert found


def test_a_coarser_level_shows_the_same_place() -> None:
    pixels = np.zeros((64, 64, 5), np.uint8)
    pixels[16:48, 24:40] = 255
    matrix = (4 * ONE, 0, 0, 0, 4 * ONE, 0)  # a pixel of the image is four of the sheet
    indices, _ = warp(Sheet(levels_of(pixels), -ONE // 2, -ONE // 2, 1), matrix, (16, 16))
    rows, columns = np.divmod(indices, 16)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 11, 6, 9)


def test_warp_off_the_image_finds_nothing() -> None:
    indices, values = warp(Sheet(levels_of(sheet()), 0, 0, 1), (ONE, 0, 99 * ONE, 0, ONE, 0), (20, 20))
    assert (indices.size, values.shape) == (0, (0, 5))


def test_composite_lays_premultiplied_colour_over_the_image() -> None:
    image: UInt8Image = RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    values = RNG.integers(0, 256, (4, 5), dtype=np.int32)
    before, pixels = image.copy(), np.array([0, 7, 8, 29])
    composite(image, pixels, values)
    for index in range(30):
        old, new = before.reshape(-1, 3)[index], image.reshape(-1, 3)[index]
        if index not in pixels:
            assert_array_equal(new, old)
            continue
        red, green, blue, alpha, _ = values[pixels.tolist().index(index)].tolist()
        expected = [
            min(255, c + ((255 - alpha) * int(o) + 127) // 255) for c, o in zip((red, green, blue), old, strict=True)
        ]
        assert new.tolist() == expected


def test_halve_averages_four_pixels_and_takes_nothing_beyond_the_edge() -> None:
    halved = halve(np.arange(15, dtype=np.int32).reshape(3, 5, 1))
    assert halved[..., 0].tolist() == [[3, 5, 3], [5, 6, 4]]  # (0+1+5+6+2)//4, …, (4+9+2)//4, (10+11+2)//4, …


@pytest.mark.parametrize("size", [(5, 3), (16, 11), (7, 22), (40, 4)])
def test_resize_is_exact(size: tuple[int, int]) -> None:
    image: UInt8Image = RNG.integers(0, 256, (16, 11, 3), dtype=np.uint8)
    rows, columns = weights(16, size[0]), weights(11, size[1])
    for i in range(size[0]):
        for j in range(size[1]):
            exact = [
                sum(r * c * int(image[y, x, k]) for y, r in rows[i].items() for x, c in columns[j].items())
                for k in range(3)
            ]
            assert resize(image, size)[i, j].tolist() == [floor(value + Fraction(1, 2)) for value in exact]


def weights(old: int, new: int) -> list[dict[int, Fraction]]:
    """For each new pixel the weights of the old ones: overlaps where it shrinks, else those of the two nearest."""
    if new < old:
        step, nothing = Fraction(old, new), Fraction()
        ends = [(i * step, (i + 1) * step) for i in range(new)]
        return [
            {j: max(nothing, min(end, Fraction(j + 1)) - max(start, Fraction(j))) / step for j in range(old)}
            for start, end in ends
        ]
    found = []
    for i in range(new):
        centre: Fraction = min(max((i + Fraction(1, 2)) * old / new - Fraction(1, 2), Fraction()), Fraction(old - 1))
        left = min(floor(centre), old - 1)
        found.append(
            {left: 1 - (centre - left), min(left + 1, old - 1): centre - left} if centre > left else {left: Fraction(1)}
        )
    return found
