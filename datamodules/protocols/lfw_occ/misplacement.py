"""How an occluder of LFW-occ sits: shifted, turned and scaled a little, in whole numbers."""

from collections.abc import Sequence

from datamodules.occluders.drawn import FrozenCategory
from datamodules.protocols.lfw_occ.exact_arithmetic import ONE, Matrix

BASE_BITS = 24
"""What a matrix is given in, in powers of one half; what comes out is in 2⁻¹⁶."""
NUMBERS = 8
"""Random numbers that one occluder takes: the instance, then those of :func:`misplaced`, one to spare."""


def misplaced(base: Matrix, category: FrozenCategory, numbers: Sequence[int], *, severe: bool) -> Matrix:
    """Return the matrix to an instance that is misplaced at random, in 2⁻¹⁶.

    Args:
        base: Pixels to face units, in 2⁻²⁴.
        category: How loosely the instance sits.
        numbers: Six random numbers of 64 bits.
        severe: Whether scale and shift are drawn from the ranges for severities, too.
    """
    right, down, turn, scale = (_normal(number) for number in numbers[:4])
    factor, lower = 4096 + category.scale * scale // 4096, 0
    if severe:
        factor = factor * _between(numbers[4], *category.severe_scale) // 4096
        lower = _between(numbers[5], *category.severe_shift)
    shift = category.shift * right // 4096, category.shift * down // 4096 + lower
    return _moved(base, category.centre, shift, category.turn * turn // 4096, factor)


def _normal(number: int) -> int:
    """Return about a normal deviate in 2⁻¹², cut at two standard deviations, from 64 random bits: a sum of four."""
    total = sum(number >> shift & 0xFFFF for shift in (0, 16, 32, 48)) - 2 * 0xFFFF
    return max(-8192, min(8192, total * 4096 // 37837))


def _between(number: int, low: int, high: int) -> int:
    return low + number % (high - low + 1)


def _moved(base: Matrix, centre: tuple[int, int], shift: tuple[int, int], turn: int, factor: int) -> Matrix:
    """Let the instance be shifted, turned by the tangent of half an angle and scaled; every number is rounded once."""
    cos, sin, length = ONE * ONE - turn * turn, 2 * ONE * turn, ONE * ONE + turn * turn
    a, b, x, d, e, y = base
    x -= (centre[0] * ONE + shift[0]) << (BASE_BITS - 16)
    y -= (centre[1] * ONE + shift[1]) << (BASE_BITS - 16)
    below = factor * length << (BASE_BITS - 16)

    def scaled(number: int) -> int:
        return (2 * 4096 * number + below) // (2 * below)

    upper = scaled(cos * a + sin * d), scaled(cos * b + sin * e), scaled(cos * x + sin * y) + centre[0] * ONE
    lower = scaled(cos * d - sin * a), scaled(cos * e - sin * b), scaled(cos * y - sin * x) + centre[1] * ONE
    return *upper, *lower
