"""What visitors bring is looked at before it is decoded, and refused in one line."""

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from datamodules.errors import DataError
from experiments.demo_page.photographs import LONGEST_SIDE, decoded, read_photograph, reduced
from tests.helpers.hostile_images import moving, png_of


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (png_of(60_000, 60_000), "at most 120 megapixels, got far more"),
        (png_of(9_000, 9_000), "a PNG of at most 64 megapixels, got 9,000 × 9,000"),
        (png_of(5_000, 5_000, depth=16), "a PNG of at most 16 megapixels, got 5,000 × 5,000"),
        (png_of(5_000, 5_000, depth=8, colour=6), "a PNG of at most 16 megapixels, got 5,000 × 5,000"),
        (moving("GIF"), "got a GIF"),
        (b"%PDF-1.7\n", "got a PDF document"),
        (b"", "got 0 bytes"),
        (b"<svg/>", "expected a JPEG, PNG, BMP, WebP or TIFF image"),
    ],
)
def test_what_is_no_photograph_is_refused_in_one_line_that_names_it(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=f"^first photograph: .*{said}") as refused:
        decoded(content, name="first photograph")
    assert "\n" not in str(refused.value)


def test_of_a_moving_picture_the_first_frame_is_taken() -> None:
    assert decoded(moving("WEBP"), name="moving")[20, 20].tolist() == pytest.approx([255, 0, 0], abs=4)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size_and_as_bright(tmp_path: Path) -> None:
    image = np.zeros((5_000, 4_000, 3), np.uint8)
    image[:, 2_000:] = (40, 120, 200)
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    path = tmp_path / "large.jpg"
    path.write_bytes(data.tobytes())
    found = read_photograph(path, name="large")
    assert ok
    assert decoded(data.tobytes(), name="large").shape == (2_500, 2_000, 3)
    assert found.shape == (LONGEST_SIDE, 1_280, 3)
    assert found[800, 1_000].tolist() == pytest.approx([40, 120, 200], abs=4)


def test_small_images_stay_as_they_are() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert reduced(image) is image


def test_a_missing_file_is_refused_by_the_name_on_the_page(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^second photograph: expected an image file, got No such file"):
        read_photograph(tmp_path / "secret" / "x.png", name="second photograph")


def test_what_is_no_file_is_refused_without_being_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for place in (tmp_path / "pipe.png", tmp_path):
        with pytest.raises(DataError, match=r"^x: expected an image file, got [pd]rw.*, which is none"):
            read_photograph(place, name="x")


def rotated(kind: str, **settings: Any) -> bytes:
    """Return a picture of 40 × 20 whose upper half is red, stored on its side, as its header says."""
    image = Image.new("RGB", (40, 20), "blue")
    image.paste("red", (0, 0, 40, 10))
    header, file = Image.Exif(), io.BytesIO()
    header[0x0112] = 8  # to be turned by 90 degrees, counter-clockwise
    image.transpose(Image.Transpose.ROTATE_270).save(file, kind, exif=header, **settings)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photograph_stands_upright_as_its_header_says(kind: str) -> None:
    found = decoded(rotated(kind, **({"quality": 95} if kind != "PNG" else {})), name="phone")
    assert found.shape == (20, 40, 3)
    assert found[4, 20, 0] > 200
    assert found[15, 20, 0] < 60


def test_a_large_jpeg_stands_upright_too() -> None:
    image = Image.new("L", (5_000, 4_000))
    header, file = Image.Exif(), io.BytesIO()
    header[0x0112] = 6
    image.save(file, "JPEG", exif=header)
    assert decoded(file.getvalue(), name="phone").shape == (2_500, 2_000, 3)


@pytest.mark.parametrize(
    ("mode", "colour", "kind"),
    [
        ("CMYK", (0, 255, 255, 0), "JPEG"),
        ("RGBA", (255, 0, 0, 255), "PNG"),
        ("P", 0, "PNG"),
        ("I;16", 65_535, "PNG"),
        ("1", 1, "TIFF"),
        ("RGB", (255, 0, 0), "BMP"),
    ],
)
def test_whatever_colours_an_image_has_it_comes_as_rgb(mode: str, colour: Any, kind: str) -> None:
    image, file = Image.new(mode, (32, 32), colour), io.BytesIO()
    if mode == "P":
        image.putpalette([255, 0, 0])
    image.save(file, kind)
    red = decoded(file.getvalue(), name="x")
    assert red.shape == (32, 32, 3)
    assert red[16, 16, 0] > 250
    assert (red[16, 16, 1:] > 250).all() == (mode in ("I;16", "1"))
