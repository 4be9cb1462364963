"""Random erasing: what it covers, by which distribution, and what it refuses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from datamodules.occluders import RandomErasing
from datamodules.seams.face_source import Landmarks, UInt8Image

MakeFace = Callable[..., tuple[UInt8Image, Landmarks]]


def boxes(erasing: RandomErasing, face: tuple[UInt8Image, Landmarks], draws: int) -> np.ndarray[Any, Any]:
    """Return top, left, height and width of what is erased, ``(draws, 4)``."""
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        rows, columns = np.nonzero(erasing(*face, rng).mask)
        found.append((rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1))
    return np.array(found)


@pytest.mark.parametrize("seed", range(20))
def test_covers_one_whole_rectangle_and_nothing_else(seed: int, make_face: MakeFace) -> None:
    image, landmarks = make_face(60, 80, seed=1)
    before = image.copy()
    result = RandomErasing()(image, landmarks, np.random.default_rng(seed))
    rows, columns = np.nonzero(result.mask)
    expected = np.zeros((60, 80), np.uint8)
    expected[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = 1
    np.testing.assert_array_equal(result.mask, expected)
    np.testing.assert_array_equal(result.image[expected == 0], image[expected == 0])
    assert (result.image[expected == 1] != image[expected == 1]).any(axis=1).mean() > 0.9
    assert result.image.dtype == result.mask.dtype == np.uint8
    assert result.image.flags.c_contiguous
    assert result.occluder == "erasing"
    np.testing.assert_array_equal(image, before)


def test_is_a_function_of_the_generator_alone(make_face: MakeFace) -> None:
    first, again, other = (RandomErasing()(*make_face(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.image != other.image).any()


def test_hides_the_face(make_face: MakeFace) -> None:
    a, b = (RandomErasing()(*make_face(seed=seed), np.random.default_rng(3)) for seed in (0, 1))
    np.testing.assert_array_equal(a.image[a.mask == 1], b.image[b.mask == 1])


def test_areas_are_uniform_over_their_range(make_face: MakeFace) -> None:
    found = boxes(RandomErasing(area=(0.05, 0.3)), make_face(200), 400)
    areas = found[:, 2] * found[:, 3] / 200**2
    assert kstest(areas, "uniform", (0.05, 0.25)).pvalue > 0.01


def test_aspects_are_uniform_over_their_range_and_areas_of_their_own(make_face: MakeFace) -> None:
    found = boxes(RandomErasing(area=(0.1, 0.2), aspect=(0.5, 2.0)), make_face(200), 400)
    aspects = found[:, 2] / found[:, 3]
    assert kstest(aspects, "uniform", (0.5, 1.5)).pvalue > 0.01
    assert abs(np.corrcoef(aspects, found[:, 2] * found[:, 3])[0, 1]) < 0.15


def test_places_are_uniform_over_all_that_fit(make_face: MakeFace) -> None:
    found = boxes(RandomErasing(area=(0.25, 0.25), aspect=(1.0, 1.0)), make_face(8), 800)
    assert (found[:, 2:] == 4).all()
    for place in found[:, :2].T:
        assert chisquare(np.bincount(place, minlength=5)).pvalue > 0.01


def test_pixels_are_uniform_and_independent(make_face: MakeFace) -> None:
    result = RandomErasing(area=(1.0, 1.0), aspect=(1.0, 1.0))(*make_face(60), np.random.default_rng(0))
    assert result.mask.all()
    pixels = result.image.reshape(-1, 3).astype(float)
    for channel in pixels.T:
        assert chisquare(np.histogram(channel, 16, (0, 256))[0]).pvalue > 0.01
    np.testing.assert_allclose(np.corrcoef(pixels.T), np.eye(3), atol=0.06)
    assert abs(np.corrcoef(pixels[:-1, 0], pixels[1:, 0])[0, 1]) < 0.06


def test_any_aspect_of_a_large_area_lies_within_the_image(make_face: MakeFace) -> None:
    found = boxes(RandomErasing(area=(0.8, 0.9), aspect=(0.1, 10.0)), make_face(50), 100)
    assert (found[:, :2] + found[:, 2:] <= 50).all()
    assert (found[:, 2] * found[:, 3] >= 0.78 * 50**2).all()


def test_the_smallest_rectangle_is_a_pixel(make_face: MakeFace) -> None:
    assert RandomErasing(area=(1e-9, 1e-9))(*make_face(30), np.random.default_rng(0)).mask.sum() == 1


@pytest.mark.parametrize("area", [(0.0, 0.4), (0.5, 0.4), (0.02, 1.1), (float("nan"), 0.4)])
def test_refuses_an_area(area: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=rf"`area` as 0 < low ≤ high ≤ 1, got {area[0]} to {area[1]}"):
        RandomErasing(area=area)


@pytest.mark.parametrize("aspect", [(0.0, 1.0), (2.0, 1.0), (0.3, float("inf"))])
def test_refuses_an_aspect(aspect: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=rf"`aspect` as 0 < low ≤ high, finite, got {aspect[0]} to {aspect[1]}"):
        RandomErasing(aspect=aspect)


def test_refuses_an_aspect_that_fits_into_no_image_at_the_greatest_area() -> None:
    with pytest.raises(ValueError, match=r"`aspect` that fits .* at an area of 0.5, from 0.5 to 2, got 3 to 4"):
        RandomErasing(area=(0.1, 0.5), aspect=(3.0, 4.0))


def test_refuses_an_image_that_no_aspect_fits(make_face: MakeFace) -> None:
    with pytest.raises(ValueError, match=r"at an area of 0.5, from 2 to 8, got 1 to 1"):
        RandomErasing(area=(0.5, 0.5), aspect=(1.0, 1.0))(*make_face(80, 20), np.random.default_rng(0))


@pytest.mark.parametrize("name", ["", "none"])
def test_refuses_a_name_that_means_clean(name: str) -> None:
    with pytest.raises(ValueError, match=f"`name` as text other than 'none', the clean image, got '{name}'"):
        RandomErasing(name=name)
