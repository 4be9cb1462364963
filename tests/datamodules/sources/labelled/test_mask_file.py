"""Masks as people write them: read rightly, or refused by name; what is unclear is never guessed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from datamodules.errors import DataError
from datamodules.sources.labelled.mask_file import read_mask
from tests.helpers.labelled_sets import write_mask

MARKED = np.zeros((20, 30), bool)
MARKED[4:12, 5:25] = True


@pytest.mark.parametrize(
    ("white", "dtype"), [(255, np.uint8), (1, np.uint8), (65535, np.uint16), (255, np.uint16), (1, np.uint16)]
)
@pytest.mark.parametrize("extension", ["png", "PNG", "tif"])
def test_black_and_white_or_one_mark_the_same(
    tmp_path: Path, white: int, dtype: type[np.generic], extension: str
) -> None:
    path = write_mask(tmp_path / f"a.{extension}", MARKED, white, dtype)
    assert np.array_equal(read_mask(path), MARKED)


@pytest.mark.parametrize("colour", [(255, 255, 255), (128, 0, 0), (1, 1, 1)])
@pytest.mark.parametrize("mode", ["P", "RGB"])
def test_of_a_palette_or_of_colours_any_but_black_marks(
    tmp_path: Path, colour: tuple[int, int, int], mode: str
) -> None:
    image = Image.fromarray(MARKED.astype(np.uint8), "L").convert("P")
    image.putpalette([0, 0, 0, *colour] + [9] * 762)
    image.convert(mode).save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), MARKED)


def test_one_bit_is_enough(tmp_path: Path) -> None:
    Image.fromarray(MARKED).save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), MARKED)


@pytest.mark.parametrize("value", [False, True])
def test_masks_of_nothing_and_of_all_are_masks(tmp_path: Path, value: bool) -> None:
    path = write_mask(tmp_path / "a.png", np.full((8, 8), value))
    assert (read_mask(path) == value).all()


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 257)])
def test_a_threshold_is_of_eight_bits_and_reached_by_what_equals_it(
    tmp_path: Path, dtype: type[np.generic], factor: int
) -> None:
    levels = (np.arange(256).reshape(16, 16) * factor).astype(dtype)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", levels)[1].tobytes())
    assert np.array_equal(read_mask(tmp_path / "a.png", 128), np.arange(256).reshape(16, 16) >= 128)


def test_a_threshold_undoes_what_jpeg_does(tmp_path: Path) -> None:
    marked = np.kron(MARKED[::4, ::5], np.ones((16, 16))).astype(bool)
    path = write_mask(tmp_path / "a.jpg", marked)
    assert np.array_equal(read_mask(path, 128), marked)


def written(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return path


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.array([[0, 100, 255]], np.uint8), r"got the levels 0, 100, 255; where greys are rounding, `threshold`"),
        (np.array([[0, 1, 255]], np.uint8), "got the levels 0, 1, 255"),
        (np.array([[0, 7]], np.uint8), "got the levels 0, 7"),
        (np.array([[[0, 0, 0], [0, 0, 9], [0, 9, 0]]], np.uint8), "got colours"),
        (np.array([[[0, 0, 0, 0], [255, 255, 255, 255]]], np.uint8), "4 channels with transparency"),
    ],
)
def test_refuses_what_is_unclear(tmp_path: Path, pixels: NDArray[np.uint8], said: str) -> None:
    with pytest.raises(DataError, match=rf"a\.png: expected a mask .*{said}"):
        read_mask(written(tmp_path / "a.png", pixels))


def test_refuses_files_that_are_none_broken_or_not_there(tmp_path: Path) -> None:
    whole = write_mask(tmp_path / "whole.png", MARKED).read_bytes()
    for name, content in {"empty": b"", "cut": whole[:-20], "text": b"not an image"}.items():
        (tmp_path / f"{name}.png").write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}\.png: expected a"):
            read_mask(tmp_path / f"{name}.png")
    with pytest.raises(DataError, match=r"gone\.png: expected a mask, got No such file"):
        read_mask(tmp_path / "gone.png")
    with pytest.raises(DataError, match="in grey, as `threshold` needs it, got colours"):
        read_mask(written(tmp_path / "red.png", np.array([[[0, 0, 0], [0, 0, 99]]], np.uint8)), 5)
