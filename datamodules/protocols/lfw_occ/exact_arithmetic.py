"""Warping, resizing and compositing in whole numbers: the same bits on every machine."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.seams.face_source import UInt8Image

Int64 = NDArray[np.int64]
BITS = 16
"""Geometry is in units of 2⁻¹⁶."""
ONE = 1 << BITS
_HALF = ONE // 2

Matrix = tuple[int, int, int, int, int, int]
"""``(a, b, c, d, e, f)`` in 2⁻¹⁶: the pixel (x, y) lies at (a x + b y + c, d x + e y + f)."""


class Sheet(NamedTuple):
    """One occluder, at halved sizes."""

    levels: tuple[NDArray[np.int32], ...]
    """``(h + 2, w + 2, 5)`` each: red, green, blue premultiplied by alpha, alpha, shape; 0 to 255, rim of zeros."""
    left: int
    """Left edge, in 2⁻¹⁶ of the coordinates that a matrix leads to."""
    top: int
    """Upper edge, in 2⁻¹⁶ of the coordinates that a matrix leads to."""
    pixel: int
    """Side of a pixel of the first level in these coordinates; of the next ones twice, four times, … as much."""


def grid(matrix: Matrix, size: tuple[int, int]) -> tuple[Int64, Int64]:
    """Return where every pixel lies, x and y in 2⁻¹⁶, each ``(H, W)``."""
    a, b, c, d, e, f = matrix
    y, x = np.arange(size[0], dtype=np.int64)[:, None], np.arange(size[1], dtype=np.int64)
    return a * x + b * y + c, d * x + e * y + f


def warp(sheet: Sheet, matrix: Matrix, size: tuple[int, int]) -> tuple[Int64, NDArray[np.int32]]:
    """Sample a sheet at the pixels of an image, bilinearly, with weights of 8 bits.

    Args:
        sheet: The occluder.
        matrix: Pixels of the image to coordinates of the sheet.
        size: Height and width of the image.

    Returns:
        Pixels that the sheet covers at least half, as indices of the flattened image, ``(n,)``, and their red,
        green, blue, alpha, shape, ``(n, 5)`` in 0 to 255.
    """
    number = _level(sheet, matrix)
    level, side = sheet.levels[number], sheet.pixel << number
    height, width = level.shape[0] - 2, level.shape[1] - 2
    x, y = grid(matrix, size)
    # from the sheet's corner, in pixels of the level, whose first centre is at 1 within the rim
    x = ((x - sheet.left) // side + _HALF).ravel()
    y = ((y - sheet.top) // side + _HALF).ravel()
    near = np.flatnonzero((x >= 0) & (y >= 0) & (x < (width + 1) * ONE) & (y < (height + 1) * ONE))
    sampled = _bilinear(level, x[near], y[near])
    inside = sampled[:, 4] >= 128
    return near[inside], sampled[inside]


def composite(image: UInt8Image, pixels: Int64, sampled: NDArray[np.int32]) -> None:
    """Lay what :func:`warp` found over an image in place: ``colour + ((255 - alpha) image + 127) // 255``."""
    flat = image.reshape(-1, 3)
    below = (255 - sampled[:, 3:4]) * flat[pixels] + 127
    flat[pixels] = np.minimum(sampled[:, :3] + below // 255, 255).astype(np.uint8)


def halve(sheet: NDArray[np.int32]) -> NDArray[np.int32]:
    """Average two by two pixels; beyond an odd edge lies nothing."""
    even = np.pad(sheet, ((0, sheet.shape[0] % 2), (0, sheet.shape[1] % 2), (0, 0)))
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2] + 2) >> 2


def resize(image: UInt8Image, size: tuple[int, int]) -> UInt8Image:
    """Return the image at another height and width: area averages where it shrinks, linear where it grows."""
    if image.shape[:2] == size:
        return image
    rows, row_sum = _weights(image.shape[0], size[0])
    columns, column_sum = _weights(image.shape[1], size[1])
    # whole numbers below 2⁵³: float64 adds them exactly, in whatever order
    sums = np.einsum("hH,HWc,wW->hwc", rows, image.astype(np.float64), columns, optimize=True)
    total = row_sum * column_sum
    resized: UInt8Image = ((sums.astype(np.int64) + total // 2) // total).astype(np.uint8)
    return resized


def _level(sheet: Sheet, matrix: Matrix) -> int:
    """Return the finest level of which two pixels of the image are at most 1.5 pixels apart."""
    a, b, _, d, e, _ = matrix
    area, number = 4 * abs(a * e - b * d), 0
    while number + 1 < len(sheet.levels) and area > (3 * (sheet.pixel << number) * ONE) ** 2:
        number += 1
    return number


def _bilinear(level: NDArray[np.int32], x: Int64, y: Int64) -> NDArray[np.int32]:
    column, row = x >> BITS, y >> BITS
    right = ((x >> (BITS - 8)) & 255).astype(np.int32)[:, None]
    low = ((y >> (BITS - 8)) & 255).astype(np.int32)[:, None]
    flat, width = level.reshape(-1, 5), level.shape[1]
    corner = row * width + column
    upper = flat[corner] * (256 - right) + flat[corner + 1] * right
    lower = flat[corner + width] * (256 - right) + flat[corner + width + 1] * right
    sampled: NDArray[np.int32] = (upper * (256 - low) + lower * low + (1 << 15)) >> 16
    return sampled


def _weights(old: int, new: int) -> tuple[NDArray[np.float64], int]:
    """Return what each old pixel adds to each new one, ``(new, old)`` whole numbers, and the sum of a row."""
    if new < old:
        start, old_start = np.arange(new)[:, None] * old, np.arange(old) * new
        overlap = np.minimum(start + old, old_start + new) - np.maximum(start, old_start)
        return np.maximum(overlap, 0).astype(np.float64), old
    centre = np.clip((2 * np.arange(new) + 1) * old - new, 0, 2 * new * (old - 1))[:, None]  # in 1 / (2 new)
    distance = np.abs(centre - 2 * new * np.arange(old))
    return np.maximum(2 * new - distance, 0).astype(np.float64), 2 * new


def levels_of(sheet: NDArray[np.uint8]) -> tuple[NDArray[np.int32], ...]:
    """Return a sheet, ``(h, w, 5)``, and its halves down to about four pixels, each with a rim of zeros."""
    level = np.asarray(sheet, dtype=np.int32)
    levels = [level]
    while min(level.shape[:2]) >= 8:
        level = halve(level)
        levels.append(level)
    return tuple(np.pad(one, ((1, 1), (1, 1), (0, 0))) for one in levels)
