"""From an image's pixels to face units, in exact fractions: least squares on the landmarks of a template."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache

import numpy as np

from datamodules.occluders.anchors import LANDMARK_NAMES, Fit
from datamodules.protocols.lfw_occ.exact_arithmetic import ONE, Matrix, grid
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.canonical_face import FACE, FACE_CENTRE, FACE_HALF_AXES
from datamodules.sources.landmarks import FixedLandmarks

Template = tuple[tuple[tuple[Fraction, Fraction], ...], tuple[int, int]]
"""Five points (x, y), and the height and width of the image that they refer to."""


def template_of(landmarks: FixedLandmarks) -> Template:
    """Return a template's points as the decimal fractions that they are written as."""
    points = tuple((Fraction(str(x)), Fraction(str(y))) for x, y in landmarks.points.tolist())
    return points, (int(landmarks.size[0]), int(landmarks.size[1]))


@cache
def fit(anchors: tuple[str, ...], kind: Fit, template: Template, size: tuple[int, int], bits: int) -> Matrix:
    """Return the matrix from pixels of an image to face units, in units of 2 to the power of ``-bits``.

    The least-squares transform of the face's landmarks to the template's is found exactly and inverted; its six
    numbers are rounded once.

    Args:
        anchors: Landmarks that are fitted, among ``LANDMARK_NAMES``.
        kind: Similarity or affine.
        template: Where the landmarks lie.
        size: Height and width of the image; the template is scaled to it.
        bits: Fineness of the grid.

    Raises:
        ValueError: If the template's landmarks do not span a face.
    """
    points, (height, width) = template
    used = [LANDMARK_NAMES.index(name) for name in anchors]
    face = [(Fraction(FACE[i][0]), Fraction(FACE[i][1])) for i in used]
    image = [(points[i][0] * size[1] / width, points[i][1] * size[0] / height) for i in used]
    (a, b), (d, e) = _linear(face, image, kind)
    determinant = a * e - b * d
    if determinant <= 0:
        raise ValueError(f"Expected landmarks that span an upright face, got {[tuple(map(float, p)) for p in points]}")
    (x, y), (u, v) = _mean(image), _mean(face)
    rows = (e / determinant, -b / determinant), (-d / determinant, a / determinant)
    offsets = u - rows[0][0] * x - rows[0][1] * y, v - rows[1][0] * x - rows[1][1] * y
    a, b, c, d, e, f = (round(number * 2**bits) for number in (*rows[0], offsets[0], *rows[1], offsets[1]))
    return a, b, c, d, e, f


@cache
def face_area(template: Template, size: tuple[int, int]) -> UInt8Image:
    """Return the area of the face, ``(H, W)``: 1 where a pixel's centre lies in the ellipse. Not to be written to."""
    x, y = grid(fit(LANDMARK_NAMES, "similarity", template, size, 16), size)
    (left, top), (half_width, half_height) = FACE_CENTRE, FACE_HALF_AXES
    x, y = (x - left * ONE) >> 8, (y - top * ONE) >> 8  # in 2⁻⁸, so that squares fit 64 bits
    inside = (x * half_height) ** 2 + (y * half_width) ** 2 <= (half_width * half_height << 8) ** 2
    area: UInt8Image = inside.astype(np.uint8)
    area.flags.writeable = False
    return area


Vector = tuple[Fraction, Fraction]


def _mean(points: Sequence[Vector]) -> Vector:
    return _sum(x for x, _ in points) / len(points), _sum(y for _, y in points) / len(points)


def _linear(face: Sequence[Vector], image: Sequence[Vector], kind: Fit) -> tuple[Vector, Vector]:
    """Return the linear part of the transform of ``face`` to ``image``."""
    (u, v), (x, y) = _mean(face), _mean(image)
    f = [(p - u, q - v) for p, q in face]
    g = [(p - x, q - y) for p, q in image]
    xx, xy, yx, yy = (_sum(q[i] * p[j] for p, q in zip(f, g, strict=True)) for i in (0, 1) for j in (0, 1))
    uu, uv, vv = (_sum(p[i] * p[j] for p in f) for i, j in ((0, 0), (0, 1), (1, 1)))
    if kind == "similarity":
        cos, sin = (xx + yy) / (uu + vv), (yx - xy) / (uu + vv)
        return (cos, -sin), (sin, cos)
    determinant = uu * vv - uv * uv
    first, second = (
        ((p * vv - q * uv) / determinant, (q * uu - p * uv) / determinant) for p, q in ((xx, xy), (yx, yy))
    )
    return first, second


def _sum(numbers: Iterable[Fraction]) -> Fraction:
    return sum(numbers, Fraction())
