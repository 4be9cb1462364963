"""The folder of crops: one kind of crops, one writer, every file whole."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.alignment.crop_folder import CropFolder, Format
from datamodules.alignment.declared import SETTINGS
from datamodules.errors import DataError
from datamodules.sources.decode import decode_image

CROP = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def crops(root: Path, *, kind: Format = "png", **settings: object) -> CropFolder:
    return CropFolder(root, {"template": "arcface", **settings}, size=16, format=kind)


def test_png_crops_are_the_pixels_and_grey_ones_stay_grey(tmp_path: Path) -> None:
    with crops(tmp_path / "out") as folder:
        assert folder.place("Ada/0.x.jpeg") == "Ada/0.x.png"
        assert not folder.has("Ada/0.png")
        folder.write("Ada/0.png", CROP)
        folder.write("Ada/1.png", CROP[..., 0])
        assert folder.has("Ada/0.png")
    data = (tmp_path / "out/Ada/0.png").read_bytes()
    assert_array_equal(decode_image(data, name="a"), CROP)
    assert (tmp_path / "out/Ada/1.png").read_bytes()[25] == 0  # PNG's colour type: grey
    assert sorted(path.name for path in (tmp_path / "out/Ada").iterdir()) == ["0.png", "1.png"]


def test_a_crop_that_is_cut_or_of_another_size_is_not_there(tmp_path: Path) -> None:
    with crops(tmp_path) as folder:
        folder.write("a.png", CROP)
        whole = (tmp_path / "a.png").read_bytes()
        (tmp_path / "a.png").write_bytes(whole[:-20])
        assert not folder.has("a.png")
        folder.write("a.png", CROP[:8])
        assert not folder.has("a.png")


def test_settings_are_kept_and_the_same_are_taken_again(tmp_path: Path) -> None:
    crops(tmp_path, kind="jpg").__exit__(None, None, None)
    kept = json.loads((tmp_path / SETTINGS).read_text())
    assert kept == {"template": "arcface", "format": "jpg", "quality": 95}
    crops(tmp_path, kind="jpg").__exit__(None, None, None)
    assert json.loads((tmp_path / SETTINGS).read_text()) == kept


def test_refuses_other_settings(tmp_path: Path) -> None:
    crops(tmp_path).__exit__(None, None, None)
    with pytest.raises(DataError, match=r"align_settings\.json: expected template 'arcface' as before, got 'lfw'"):
        crops(tmp_path, template="lfw")
    with pytest.raises(DataError, match="expected format 'png' as before, got 'jpg'"):
        crops(tmp_path, kind="jpg")
    crops(tmp_path).__exit__(None, None, None)  # a refusal leaves no lock


def test_refuses_files_of_others(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"expected an empty folder, or one with align_settings\.json, got other files"):
        crops(tmp_path)
    with pytest.raises(DataError, match=r"notes\.txt: expected a folder to write to, got File exists"):
        crops(tmp_path / "notes.txt")
    for text in ("{", "[]"):
        (tmp_path / SETTINGS).write_text(text)
        with pytest.raises(DataError, match=r"align_settings\.json: expected settings of the crops in JSON, got"):
            crops(tmp_path)


def test_refuses_a_second_run_at_the_same_time(tmp_path: Path) -> None:
    with crops(tmp_path), pytest.raises(DataError, match="expected no other run that writes to it, got one"):
        crops(tmp_path)


def test_refuses_to_go_on_where_nothing_can_be_written(tmp_path: Path) -> None:
    with crops(tmp_path) as folder:
        (tmp_path / "Ada").write_text("a file")
        with pytest.raises(DataError, match=r"Ada/0\.png: expected to write a crop, got"):
            folder.write("Ada/0.png", CROP)
