"""A reduced image is the area average of the premultiplied one, and points stay on what they show."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.occluders import TemplateOccluder
from datamodules.occluders.reduced_image import reduced
from datamodules.seams.face_source import Landmarks, UInt8Image
from tests.datamodules.occluders.test_own_images import EYES, bar, entry, write

MakeFace = Callable[..., tuple[UInt8Image, Landmarks]]


@pytest.mark.parametrize(("size", "most"), [((300, 170), 50), ((7, 9), 9), ((129, 5), 64), ((64, 64), 1)])
def test_pixels_are_averages_of_squares(size: tuple[int, int], most: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 4), dtype=np.uint8)
    found = reduced(image, most)
    assert max(found.alpha.shape) <= most
    for row in range(found.alpha.shape[0]):
        for column in range(found.alpha.shape[1]):
            square = image[row * found.factor :, column * found.factor :][: found.factor, : found.factor].astype(float)
            alpha = square[..., 3] / 255
            area = found.factor**2
            assert found.alpha[row, column] == pytest.approx(alpha.sum() / area, abs=1e-5)
            np.testing.assert_allclose(
                found.rgb[row, column], (square[..., :3] * alpha[..., None]).sum((0, 1)) / area, atol=1e-2
            )


def test_an_image_that_is_small_stays_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 20, 4), dtype=np.uint8)
    found = reduced(image)
    assert found.factor == 1
    assert found.place(3.5, -2.0) == (3.5, -2.0)
    np.testing.assert_allclose(found.rgb, image[..., :3] * (image[..., 3:] / 255), atol=1e-3)


def test_a_point_stays_on_what_it_shows() -> None:
    image = np.zeros((400, 400, 4), np.uint8)
    image[200:204, 120:124] = 255
    found = reduced(image, 100)
    x, y = found.place(121.5, 201.5)
    assert (x, y) == (30.0, 50.0)
    assert found.alpha[int(y), int(x)] == 1


def test_a_huge_image_covers_as_a_small_one_does(tmp_path: Path, make_face: MakeFace) -> None:
    huge = np.asarray(cv2.resize(bar(), (8000, 3000), interpolation=cv2.INTER_NEAREST), np.uint8)
    far = {name: [10 * x + 4.5, 10 * y + 4.5] for name, (x, y) in EYES.items()}
    small, large = (tmp_path / "small", tmp_path / "large")
    small.mkdir()
    large.mkdir()
    one = TemplateOccluder("bar", folder=write(small, entry()), jitter=0)
    other = TemplateOccluder("bar", folder=write(large, entry(anchors=far), image=huge), jitter=0)
    a, b = (occluder(*make_face(), np.random.default_rng(0)) for occluder in (one, other))
    assert (a.mask != b.mask).mean() < 0.002
    np.testing.assert_allclose(a.image[a.mask & b.mask == 1].mean(0), b.image[a.mask & b.mask == 1].mean(0), atol=2)
