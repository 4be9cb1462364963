"""Least squares from the landmarks of a face to those of a template."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Points = NDArray[np.floating[Any]]
"""``(K, 2)`` points as (x, y) in pixels."""


def similarity(points: Points, template: Points) -> Float64:
    """Rotation, scale s and shift that minimise Σᵢ |s R pᵢ + t − qᵢ|², never a reflection.

    Umeyama's solution for the plane, where s R is a product with the complex number Σ z̄ᵢ wᵢ / Σ |zᵢ|² of the
    centred points z and w.

    Args:
        points: pᵢ, ``(K, 2)``, two or more that differ.
        template: qᵢ, ``(K, 2)``.

    Returns:
        ``(2, 3)``, to be applied to (x, y, 1).

    Raises:
        ValueError: If all points lie within one pixel.

    Source: S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.

    Example:
        >>> similarity(np.array([[0.0, 0], [2, 0]]), np.array([[1.0, 1], [1, 5]])).round(9).tolist()
        [[0.0, -2.0, 1.0], [2.0, 0.0, 1.0]]
    """
    if float(np.ptp(points, axis=0).max()) < 1:
        raise ValueError(f"Expected points more than one pixel apart, got {_rounded(points)}")
    z, w = _centred(points), _centred(template)
    factor = np.vdot(z, w) / np.vdot(z, z).real
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return _with_shift(linear, points, template)


def affine(points: Points, template: Points) -> Float64:
    """Linear map A and shift that minimise Σᵢ |A pᵢ + t − qᵢ|².

    Args:
        points: pᵢ, ``(K, 2)``, three or more that are not on one line.
        template: qᵢ, ``(K, 2)``.

    Returns:
        ``(2, 3)``, to be applied to (x, y, 1).

    Raises:
        ValueError: If the points lie on one line, or the map would mirror the face.
    """
    centred, target = points - points.mean(0, dtype=np.float64), template - template.mean(0)
    solution, _, rank, _ = np.linalg.lstsq(centred, target, rcond=1e-6)
    if rank < 2:
        raise ValueError(f"Expected points that are not on one line, got {_rounded(points)}")
    if np.linalg.det(solution) <= 0:
        raise ValueError(f"Expected points that need no reflection, got {_rounded(points)}")
    return _with_shift(solution.T, points, template)


def misfit(points: Points, template: Points) -> Float64:
    """Share of the template's variance that the best similarity leaves unexplained, in [0, 1].

    0 for the template itself, however turned, scaled and shifted; up to 0.2 for profiles; 0.3 and more for points
    in another order, and for mirrored ones.

    Args:
        points: ``(..., K, 2)``.
        template: ``(K, 2)``.

    Returns:
        ``(...)``; 1 where all points are one.
    """
    z, w = _centred(points), _centred(template)
    variance = (np.abs(z) ** 2).sum(-1) * (np.abs(w) ** 2).sum(-1)
    common: Float64 = np.abs((z.conj() * w).sum(-1)) ** 2
    explained: Float64 = np.divide(common, variance, out=np.zeros_like(common), where=variance > 0)
    return 1 - explained


def _centred(points: Points) -> NDArray[np.complex128]:
    values: NDArray[np.complex128] = points[..., 0].astype(np.float64) + 1j * points[..., 1].astype(np.float64)
    centred: NDArray[np.complex128] = values - values.mean(-1, keepdims=True)
    return centred


def _with_shift(linear: Float64, points: Points, template: Points) -> Float64:
    shift = template.mean(0, dtype=np.float64) - linear @ points.mean(0, dtype=np.float64)
    return np.column_stack([linear, shift])


def _rounded(points: Points) -> list[list[float]]:
    return [[round(float(value), 2) for value in point] for point in points]
