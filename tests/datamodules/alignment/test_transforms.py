"""Transforms: what was done is found exactly, nothing fits better, and nothing is mirrored."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from datamodules.alignment.transforms import affine, misfit, similarity
from tests.datamodules.alignment.conftest import FACE

Float64 = NDArray[np.float64]
TEMPLATE = FACE.astype(np.float64)
SEEDS = range(20)


def apply(matrix: Float64, points: NDArray[np.floating]) -> Float64:
    return points @ matrix[:, :2].T + matrix[:, 2]


def squares(matrix: Float64, points: Float64, template: Float64) -> float:
    return float(((apply(matrix, points) - template) ** 2).sum())


def random_similarity(generator: np.random.Generator) -> Float64:
    angle, scale = generator.uniform(-np.pi, np.pi), generator.uniform(0.2, 5)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.column_stack([[[cosine, -sine], [sine, cosine]], generator.uniform(-100, 100, 2)])


def random_affine(generator: np.random.Generator) -> Float64:
    stretch = np.array([[1, generator.uniform(-0.5, 0.5)], [0, generator.uniform(0.5, 2)]])
    found = random_similarity(generator)
    found[:, :2] = found[:, :2] @ stretch
    return found


def slow_umeyama(points: Float64, template: Float64) -> Float64:
    """Eq. 40 to 42 of Umeyama's paper, with the singular values of the covariance."""
    mean, target = points.mean(0), template.mean(0)
    covariance = sum(np.outer(q - target, p - mean) for p, q in zip(points, template, strict=True)) / len(points)
    u, d, vt = np.linalg.svd(covariance)
    sign = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / ((points - mean) ** 2).sum(1).mean()
    return np.column_stack([scale * rotation, target - scale * rotation @ mean])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [4, 5])
def test_similarity_is_recovered_exactly(seed: int, count: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 250, (count, 2))
    known = random_similarity(np.random.default_rng([seed, 1]))
    assert_allclose(similarity(points, apply(known, points)), known, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [4, 5])
def test_affine_map_is_recovered_exactly(seed: int, count: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 250, (count, 2))
    known = random_affine(np.random.default_rng([seed, 1]))
    assert_allclose(affine(points, apply(known, points)), known, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_similarity_is_umeyamas(seed: int) -> None:
    points, template = np.random.default_rng(seed).uniform(0, 112, (2, 5, 2))
    assert_allclose(similarity(points, template), slow_umeyama(points, template), atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("transform", "family"), [(similarity, random_similarity), (affine, random_affine)])
def test_nothing_near_or_far_has_smaller_squares(
    seed: int, transform: Callable[..., Float64], family: Callable[[np.random.Generator], Float64]
) -> None:
    generator = np.random.default_rng(seed)
    points = TEMPLATE + generator.normal(0, 6, (5, 2))
    best = transform(points, TEMPLATE)
    least = squares(best, points, TEMPLATE)
    for _ in range(200):
        step = generator.normal(0, 10.0 ** generator.uniform(-5, 0), 2)
        near = best.copy()
        if transform is similarity:  # stay one
            near[:, :2] += [[step[0], -step[1]], [step[1], step[0]]]
        else:
            near[:, :2] += generator.normal(0, abs(step[0]), (2, 2))
        near[:, 2] += generator.normal(0, 1e-2, 2)
        assert squares(near, points, TEMPLATE) >= least - 1e-9
        assert squares(family(generator), points, TEMPLATE) >= least


@pytest.mark.parametrize("seed", SEEDS)
def test_similarity_never_mirrors(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 112, (5, 2))
    for mirrored in (points * [-1, 1], points * [1, -1]):
        linear = similarity(points, mirrored)[:, :2]
        assert np.linalg.det(linear) >= 0
        assert_allclose(linear @ linear.T, np.linalg.det(linear) * np.eye(2), atol=1e-9)


def test_affine_is_at_least_as_close_as_similarity() -> None:
    points = TEMPLATE + np.random.default_rng(0).normal(0, 5, (5, 2))
    assert squares(affine(points, TEMPLATE), points, TEMPLATE) < squares(similarity(points, TEMPLATE), points, TEMPLATE)


def test_single_precision_far_from_the_origin_costs_nothing() -> None:
    points = (TEMPLATE + 30000).astype(np.float32)
    for transform in (similarity, affine):
        assert_allclose(apply(transform(points, TEMPLATE), points.astype(np.float64)), TEMPLATE, atol=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_misfit_is_the_share_that_the_similarity_leaves(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = TEMPLATE + generator.normal(0, 20, (5, 2))
    variance = float(((TEMPLATE - TEMPLATE.mean(0)) ** 2).sum())
    expected = squares(similarity(points, TEMPLATE), points, TEMPLATE) / variance
    assert_allclose(misfit(points, TEMPLATE), expected, atol=1e-12)
    moved = apply(random_similarity(generator), points)
    assert_allclose(misfit(np.stack([points, moved]), TEMPLATE), [expected] * 2, atol=1e-9)


def test_misfit_of_one_point_is_all() -> None:
    assert misfit(np.ones((5, 2)), TEMPLATE) == 1


def test_refuses_points_that_determine_nothing() -> None:
    with pytest.raises(ValueError, match=r"points more than one pixel apart, got \[\[3\.0, 3\.0\], \[3\.5, 3\.5\]\]"):
        similarity(np.array([[3, 3], [3.5, 3.5]]), TEMPLATE[:2])
    line = np.arange(5.0)[:, None] * [1, 2]
    with pytest.raises(ValueError, match=r"points that are not on one line, got \[\[0\.0, 0\.0\]"):
        affine(line, TEMPLATE)
    with pytest.raises(ValueError, match="points that need no reflection"):
        affine(TEMPLATE * [-1, 1], TEMPLATE)
