"""Occluder images of every kind of file give the same pixels, and what has no occluder is refused in one line."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from datamodules.errors import DataError
from datamodules.occluders.rgba_image import read_rgba
from datamodules.seams.face_source import UInt8Image

RED = (200, 30, 40)


def bar() -> UInt8Image:
    image = np.zeros((40, 60, 4), np.uint8)
    image[10:30, 15:45] = (*RED, 255)
    return image


def palette() -> Image.Image:
    numbers = Image.fromarray((bar()[..., 3] > 0).astype(np.uint8), mode="L").convert("P")
    numbers.putpalette([0, 0, 0, *RED])
    return numbers


@pytest.mark.parametrize("name", ["plain.png", "UPPER CASE and blanks.PNG", "lossless.webp", "tagged.TIF"])
def test_every_format_gives_the_same_pixels(tmp_path: Path, name: str) -> None:
    Image.fromarray(bar()).save(tmp_path / name, lossless=True)
    found = read_rgba(tmp_path / name)
    covered = bar()[..., 3] > 0
    np.testing.assert_array_equal(found[..., 3], bar()[..., 3])
    np.testing.assert_array_equal(found[covered], bar()[covered])


def test_a_palette_with_a_transparent_colour_is_rgba(tmp_path: Path) -> None:
    palette().save(tmp_path / "palette.png", transparency=0)
    np.testing.assert_array_equal(read_rgba(tmp_path / "palette.png"), bar())


def test_one_transparent_colour_of_rgb_is_alpha(tmp_path: Path) -> None:
    Image.fromarray(bar()[..., :3]).save(tmp_path / "keyed.png", transparency=(0, 0, 0))
    np.testing.assert_array_equal(read_rgba(tmp_path / "keyed.png"), bar())


def test_grey_with_alpha_is_rgba(tmp_path: Path) -> None:
    Image.fromarray(bar()).convert("LA").save(tmp_path / "grey.png")
    found = read_rgba(tmp_path / "grey.png")
    np.testing.assert_array_equal(found[..., 3], bar()[..., 3])
    assert found[20, 30, 0] == found[20, 30, 1] == found[20, 30, 2] > 0


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    deep = np.maximum(cv2.cvtColor(bar(), cv2.COLOR_RGBA2BGRA).astype(np.int32) * 257 - 3, 0).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    np.testing.assert_array_equal(read_rgba(tmp_path / "deep.png"), bar())


def test_an_orientation_that_the_file_names_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(bar()).save(tmp_path / "lying.png", exif=exif)
    np.testing.assert_array_equal(read_rgba(tmp_path / "lying.png"), np.rot90(bar(), -1))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(Image.new("RGB", (9, 9)), r"expected an alpha channel \(RGBA\), got .* \(9, 9, 3\)", id="rgb"),
        pytest.param(Image.new("RGBA", (9, 9)), "transparent everywhere", id="empty"),
        pytest.param(Image.new("RGBA", (9, 9), (9, 9, 9, 127)), "transparent everywhere", id="below-half"),
    ],
)
def test_refuses_what_has_no_occluder(tmp_path: Path, image: Image.Image, message: str) -> None:
    image.save(tmp_path / "a b.png")
    with pytest.raises(DataError, match=f"a b.png: .*{message}") as error:
        read_rgba(tmp_path / "a b.png")
    assert "\n" not in str(error.value)


def test_refuses_floating_point_pixels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "float.tiff"), np.ones((9, 9, 4), np.float32))
    with pytest.raises(DataError, match=r"float.tiff: expected 8 or 16 bits a channel, got float32"):
        read_rgba(tmp_path / "float.tiff")
