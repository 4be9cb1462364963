"""Looking at every image before training."""

from typing import Any

import numpy as np
import pytest

from datamodules.duplicates import pixel_digest
from datamodules.errors import DataError
from datamodules.image_checks import ImageChecks, look_at_images, usable_images
from datamodules.sources import SourceLandmarks
from tests.helpers.doubles import PlainSource

LANDMARKS = SourceLandmarks()


def test_good_images_all_stay() -> None:
    usable, complaints, _ = usable_images(PlainSource([3, 3]), np.arange(6), LANDMARKS)
    assert usable.tolist() == list(range(6))
    assert complaints == []


def test_stops_at_the_first_bad_image() -> None:
    with pytest.raises(DataError, match=r"^image-2: expected an image, got noise$"):
        usable_images(PlainSource([3, 3], broken=[5, 2]), np.arange(6), LANDMARKS)


def test_skips_bad_images_in_order_with_one_message_each() -> None:
    usable, complaints, _ = usable_images(
        PlainSource([3, 3], broken=[5, 2]), np.arange(6), LANDMARKS, on_bad_image="skip"
    )
    assert usable.tolist() == [0, 1, 3, 4]
    assert complaints == [f"image-{i}: expected an image, got noise" for i in (2, 5)]


def test_looks_only_at_the_images_asked_for() -> None:
    usable, complaints, _ = usable_images(PlainSource([3, 3], broken=[0]), np.array([4, 1]), LANDMARKS)
    assert usable.tolist() == [4, 1]
    assert complaints == []


@pytest.mark.parametrize("size", [(15, 15), (40, 20)])
def test_what_is_no_aligned_crop_is_unusable(size: tuple[int, int]) -> None:
    source = PlainSource([2], size=size)
    with pytest.raises(DataError, match=f"^image-0: expected an aligned, .* got {size[1]} × {size[0]}$"):
        usable_images(source, np.arange(2), LANDMARKS)
    assert len(usable_images(source, np.arange(2), LANDMARKS, on_bad_image="skip")[0]) == 0


def test_no_images_are_no_error() -> None:
    usable, complaints, _ = usable_images(PlainSource([3]), np.arange(0), LANDMARKS)
    assert len(usable) == len(complaints) == 0


def test_every_usable_image_has_the_digest_of_its_pixels() -> None:
    source = PlainSource([3, 300], broken=[1])
    found = usable_images(source, np.array([256, 1, 0, 2]), LANDMARKS, on_bad_image="skip")
    assert found.digests.tolist() == [pixel_digest(source.image(index)) for index in (256, 0, 2)]
    assert found.digests[0] == found.digests[1] != found.digests[2]  # levels of grey repeat after 256


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"on_bad_image": "skip"}, "on_bad_image: skip"),
        ({"duplicates": "drop"}, "duplicates: drop"),
        ({"duplicates": "refuse"}, "duplicates: refuse"),
    ],
)
def test_what_is_not_looked_at_cannot_be_left_out(settings: dict[str, Any], asked: str) -> None:
    with pytest.raises(ValueError, match=f"^Expected `check_images` with `{asked}`: "):
        ImageChecks(check_images=False, **settings)


def test_where_nothing_is_looked_at_every_image_is_used_and_that_is_said() -> None:
    looked = look_at_images(PlainSource([3, 3], broken=[5]), LANDMARKS, ImageChecks(check_images=False))
    assert looked.usable.tolist() == list(range(6))
    assert looked.describe() == "; bad images and copies not looked for (check_images: false)"
