"""How an occluder of LFW-occ sits: shifted, turned and scaled a little, in whole numbers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from datamodules.protocols.lfw_occ.exact_arithmetic import ONE, Matrix

BASE_BITS = 24
"""What a matrix is given in, in powers of one half; what comes out is in 2⁻¹⁶."""
NUMBERS = 8
"""Random numbers that one occluder takes: the instance, then those of :func:`misplaced`, one to spare."""


class Play(NamedTuple):
    """How loosely a category sits: standard deviations as for the occluders of training, and severity's ranges."""

    centre: tuple[int, int]
    """What it turns and grows about, in face units."""
    shift: int
    """In 2⁻¹⁶ face units."""
    turn: int
    """Tangent of half the angle, in 2⁻¹⁶."""
    scale: int
    """Relative, in 2⁻¹²."""
    severe_scale: tuple[int, int]
    """Range of a further factor where a severity is asked for, in 2⁻¹²."""
    severe_shift: tuple[int, int]
    """Range of a further shift down, in 2⁻¹⁶ face units."""


PLAY: Mapping[str, Play] = {
    "sunglasses": Play((0, 5), 2 * ONE, 1430, 164, (2900, 7400), (0, 0)),
    "party_mask": Play((0, 0), 2 * ONE, 1430, 164, (2400, 5700), (0, 0)),
    "scarf": Play((0, 110), 4 * ONE, 1716, 205, (3700, 4500), (-15 * ONE, 75 * ONE)),
    "doctor_mask": Play((0, 85), 5 * ONE // 2, 1144, 164, (3000, 4700), (-5 * ONE, 75 * ONE)),
    "cup": Play((0, 120), 6 * ONE, 4575, 287, (3000, 6800), (-20 * ONE, 10 * ONE)),
}


def misplaced(base: Matrix, play: Play, numbers: Sequence[int], *, severe: bool) -> Matrix:
    """Return the matrix to an instance that is misplaced at random, in 2⁻¹⁶.

    Args:
        base: Pixels to face units, in 2⁻²⁴.
        play: How loosely the instance sits.
        numbers: Six random numbers of 64 bits.
        severe: Whether scale and shift are drawn from the ranges for severities, too.
    """
    right, down, turn, scale = (_normal(number) for number in numbers[:4])
    factor, lower = 4096 + play.scale * scale // 4096, 0
    if severe:
        factor = factor * _between(numbers[4], *play.severe_scale) // 4096
        lower = _between(numbers[5], *play.severe_shift)
    shift = play.shift * right // 4096, play.shift * down // 4096 + lower
    return _moved(base, play.centre, shift, play.turn * turn // 4096, factor)


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
