"""What visitors bring is looked at before it is decoded, and refused in one line."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.errors import DataError
from experiments.demo_page.photographs import LONGEST_SIDE, decoded, read_photograph, reduced
from tests.helpers.hostile_images import moving, png_of


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (png_of(60_000, 60_000), "at most 120 megapixels, got far more"),
        (png_of(9_000, 9_000), "a PNG of at most 64 megapixels, got 9,000 × 9,000"),
        (png_of(5_000, 5_000, depth=16), "a PNG of at most 16 megapixels, got 5,000 × 5,000"),
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
