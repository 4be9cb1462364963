"""Anchors: exact where a fit can be exact, the least-squares optimum where it cannot."""

import numpy as np
import pytest

from datamodules.occluders.anchors import ANCHORS, Fit, Float64, fit_solver
from datamodules.sources.canonical_face import FACE

NOISY_FACE = FACE * 0.4 + 56 + np.random.default_rng(0).normal(0, 2, (5, 2))


def place(anchors: dict[str, tuple[float, float]], landmarks: Float64, fit: Fit = "similarity") -> Float64:
    return np.asarray((fit_solver(anchors, fit) @ landmarks.ravel()).reshape(2, 3))


def test_derived_anchors_by_hand() -> None:
    points = {name: (weights @ FACE).tolist() for name, weights in ANCHORS.items()}
    assert points["between_eyes"] == [0, 0]
    assert points["mouth"] == [0, 89]
    assert points["chin"] == pytest.approx([0, 89 * 1.66])
    assert points["forehead"] == pytest.approx([0, -89 * 0.7])


def test_two_anchors_determine_a_similarity() -> None:
    matrix = place({"left_eye": (10, 5), "right_eye": (30, 5)}, NOISY_FACE)
    np.testing.assert_allclose(matrix @ (10, 5, 1), NOISY_FACE[0])
    np.testing.assert_allclose(matrix @ (30, 5, 1), NOISY_FACE[1])
    np.testing.assert_allclose(matrix[0, 0], matrix[1, 1])
    np.testing.assert_allclose(matrix[0, 1], -matrix[1, 0])


def test_three_anchors_determine_an_affine_transform() -> None:
    anchors = {"left_eye": (0.0, 0.0), "right_eye": (9.0, 1.0), "mouth": (4.0, 7.0)}
    matrix = place(anchors, NOISY_FACE, "affine")
    for name, (x, y) in anchors.items():
        np.testing.assert_allclose(matrix @ (x, y, 1), ANCHORS[name] @ NOISY_FACE)


@pytest.mark.parametrize("fit", ["similarity", "affine"])
def test_no_small_change_fits_five_points_better(fit: Fit) -> None:
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    source = FACE + np.array([60, 20])
    matrix = place({n: (p[0], p[1]) for n, p in zip(names, source, strict=True)}, NOISY_FACE, fit)

    def residual(m: Float64) -> float:
        return float(np.square(source @ m[:, :2].T + m[:, 2] - NOISY_FACE).sum())

    directions = np.eye(6).reshape(6, 2, 3)
    if fit == "similarity":
        turn, grow = [[0, -1, 0], [1, 0, 0]], [[1, 0, 0], [0, 1, 0]]
        directions = np.array([turn, grow, *directions[[2, 5]]], float)
    for direction in directions:
        assert residual(matrix) <= min(residual(matrix + s * 1e-4 * direction) for s in (-1, 1))


@pytest.mark.parametrize(
    ("anchors", "fit"),
    [
        pytest.param({"nose": (1, 1)}, "similarity", id="one-point"),
        pytest.param({"nose": (1, 1), "mouth": (1, 1)}, "similarity", id="same-point-twice"),
        pytest.param({"nose": (1, 1), "mouth": (2, 2)}, "affine", id="two-for-affine"),
        pytest.param({"nose": (1, 1), "mouth": (2, 2), "chin": (3, 3)}, "affine", id="on-one-line"),
    ],
)
def test_refuses_anchors_that_leave_the_fit_open(anchors: dict[str, tuple[float, float]], fit: Fit) -> None:
    with pytest.raises(ValueError, match=f"for the {fit} fit"):
        fit_solver(anchors, fit)
