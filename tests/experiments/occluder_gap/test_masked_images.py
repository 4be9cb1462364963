"""Images and masks belong together by their names, and who has no partner is named."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.errors import DataError
from experiments.occluder_gap.masked_images import masked_images


def write(path: Path, value: int = 255, size: int = 64, channels: int = 1) -> None:
    picture = np.zeros((size, size, channels), np.uint8)
    picture[10:30, 10:50] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


@pytest.mark.parametrize(("images", "masks"), [("images", "masks"), ("img", "mask"), (".", "labels")])
def test_an_image_is_read_with_its_mask(tmp_path: Path, images: str, masks: str) -> None:
    write(tmp_path / images / "a b.JPG", channels=3)
    write(tmp_path / masks / "a b.png")
    (found,) = masked_images(tmp_path, 64)
    assert found.name == "a b"
    assert found.image.shape == (64, 64, 3)
    expected = np.zeros((64, 64), bool)
    expected[10:30, 10:50] = True
    np.testing.assert_array_equal(found.mask, expected)
    (half,) = masked_images(tmp_path, 32)
    np.testing.assert_array_equal(half.mask, expected[::2, ::2])


def test_alpha_is_a_mask(tmp_path: Path) -> None:
    image = np.full((64, 64, 4), 200, np.uint8)
    image[:20, :, 3] = 0
    for name in ("face.png", "occluders_sheet.png"):  # a sheet shows occluders and is none
        cv2.imwrite(str(tmp_path / name), image)
    (found,) = masked_images(tmp_path, 64)
    assert not found.mask[:20].any()
    assert found.mask[20:].all()
    assert (found.image == 200).all()


def test_refuses_what_has_no_partner_or_no_mask(tmp_path: Path) -> None:
    write(tmp_path / "images/a.png", channels=3)
    write(tmp_path / "masks/a.png")
    write(tmp_path / "masks/b.png")
    with pytest.raises(DataError, match=r"images: expected an image and a mask of each name, got only one of b$"):
        list(masked_images(tmp_path, 64))
    (tmp_path / "masks/b.png").unlink()
    write(tmp_path / "masks/a.png", value=1)
    with pytest.raises(DataError, match=r"masks/a.png: expected a mask that is bright .*, got values up to 1"):
        list(masked_images(tmp_path, 64))
    write(tmp_path / "masks/a.png", size=60)
    with pytest.raises(DataError, match=r"masks/a.png: expected a mask of the image's \(64, 64\), got \(60, 60\)"):
        list(masked_images(tmp_path, 64))
    with pytest.raises(DataError, match="nowhere: expected a folder of images with masks"):
        list(masked_images(tmp_path / "nowhere", 64))


def test_refuses_two_files_of_a_name(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        write(tmp_path / "images" / name, channels=3)
    write(tmp_path / "masks/a.png")
    with pytest.raises(DataError, match=r"images: expected one file of a name, got a\.jpg and a\.png"):
        list(masked_images(tmp_path, 64))
