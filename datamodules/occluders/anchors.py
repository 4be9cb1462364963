"""Named points of a face, and the transform that carries a sprite's anchors onto them."""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Fit = Literal["similarity", "affine"]
FITS: tuple[Fit, ...] = get_args(Fit)

LANDMARK_NAMES = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""The five landmarks, in their order."""
EYES_AND_NOSE = LANDMARK_NAMES[:3]

_EYES, _MOUTH = np.array([0.5, 0.5, 0, 0, 0]), np.array([0, 0, 0, 0.5, 0.5])
_AXIS = _MOUTH - _EYES

ANCHORS: Mapping[str, Float64] = {
    **dict(zip(LANDMARK_NAMES, np.eye(5), strict=True)),
    "between_eyes": _EYES,
    "mouth": _MOUTH,
    "chin": _MOUTH + 0.66 * _AXIS,
    "forehead": _EYES - 0.7 * _AXIS,
}
"""Every anchor as the weights, ``(5,)``, with which it is the sum of the five landmarks."""


def fit_solver(anchors: Mapping[str, tuple[float, float]], fit: Fit = "similarity") -> Float64:
    """Return the matrix that turns landmarks into the least-squares transform of a sprite.

    Both fits are linear in the landmarks, so the pseudo-inverse is taken once per sprite and placing one
    costs a single product: ``(solver @ landmarks.ravel()).reshape(2, 3)`` maps sprite to image pixels.

    Args:
        anchors: Sprite pixels (x, y) of points among :data:`ANCHORS`; two or more different ones for a
            similarity, three or more that are not on one line for an affine transform.
        fit: Similarity (rotation, scale, shift) or affine.

    Returns:
        Matrix of shape ``(6, 10)``.

    Raises:
        ValueError: If the anchors are too few or too degenerate for the fit.

    Example:
        >>> from datamodules.sources.canonical_face import FACE
        >>> solver = fit_solver({"left_eye": (0, 0), "right_eye": (1, 0)})
        >>> (solver @ (2.0 * FACE).ravel()).reshape(2, 3).round(6)  # one sprite pixel is now 160 wide
        array([[160.,   0., -80.],
               [  0., 160.,   0.]])
    """
    weights = np.stack([ANCHORS[name] for name in anchors])  # (n, 5)
    design, unpack = _DESIGNS[fit](np.array(list(anchors.values()), dtype=np.float64))
    if np.linalg.matrix_rank(design, tol=1e-6 * max(1.0, float(np.abs(design).max()))) < design.shape[1]:
        needed = "two different points" if fit == "similarity" else "three points that are not on one line"
        raise ValueError(f"Expected anchors with {needed} for the {fit} fit, got {dict(anchors)}")
    return np.asarray(unpack @ np.linalg.pinv(design) @ np.kron(weights, np.eye(2)))


def _similarity_design(points: Float64) -> tuple[Float64, Float64]:
    """Unknowns (a, b, tx, ty) of x' = ax - by + tx, y' = bx + ay + ty."""
    design = np.zeros((2 * len(points), 4))
    design[0::2, :2], design[1::2, :2] = points * (1, -1), points[:, ::-1]
    design[0::2, 2] = design[1::2, 3] = 1.0
    unpack = np.zeros((6, 4))
    unpack[[0, 4], 0], unpack[3, 1], unpack[1, 1], unpack[2, 2], unpack[5, 3] = 1, 1, -1, 1, 1
    return design, unpack


def _affine_design(points: Float64) -> tuple[Float64, Float64]:
    design = np.zeros((2 * len(points), 6))
    design[0::2, :2] = design[1::2, 3:5] = points
    design[0::2, 2] = design[1::2, 5] = 1.0
    return design, np.eye(6)


_DESIGNS = {"similarity": _similarity_design, "affine": _affine_design}
