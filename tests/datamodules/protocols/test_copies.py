"""Comparisons of an image with its own copy are counted and named, whatever the copy is called."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datamodules.protocols import ar_faces, bin_pairs, csv_identification, csv_pairs, lfw_pairs
from datamodules.protocols.copies import first_copies
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder


def test_the_first_of_equal_files_is_found(tmp_path: Path) -> None:
    long = bytes(100_000)
    contents = [b"a", b"b", b"a", long, long[:-1] + b"\1", b"", long, b"", b"c" * 9]
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    (tmp_path / "link").symlink_to("8")
    paths += [tmp_path / "link", tmp_path / "gone", tmp_path / "away"]
    assert first_copies(paths).tolist() == [0, 1, 0, 3, 4, 5, 3, 7, 8, 8, 10, 11]  # of empty files none is an image


def test_only_files_that_may_be_equal_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        (tmp_path / str(number)).write_bytes(bytes(number))
    monkeypatch.setattr(Path, "open", None)
    assert first_copies([tmp_path / str(number) for number in range(4)]).tolist() == [0, 1, 2, 3]


def listed(folder: Path) -> None:
    (folder / "t.csv").write_text(
        "first,second,same\nann/ann_0001.jpg,ann/ann_0002.jpg,1\nann/ann_0001.jpg,bea/bea_0001.jpg,0\n"
    )
    csv_pairs(folder, folder / "t.csv")


def enrolled(folder: Path) -> None:
    (folder / "t.csv").write_text(
        "path,identity,role\nann/ann_0001.jpg,Ann,gallery\nbea/bea_0001.jpg,Bea,gallery\nann/ann_0002.jpg,Ann,probe\n"
    )
    csv_identification(folder, folder / "t.csv")


def lfw(folder: Path) -> None:
    (folder / "pairs.txt").write_text("1\nann\t1\t2\nann\t1\tbea\t1\n")
    lfw_pairs(folder, folder / "pairs.txt")


@pytest.mark.parametrize("read", [listed, enrolled, lfw])
def test_copies_are_told_and_differing_images_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, read: Callable[[Path], None]
) -> None:
    write_image_folder(tmp_path, {"ann": 2, "bea": 1}, size=(16, 16))
    read(tmp_path)
    assert not caplog.records
    (tmp_path / "ann/ann_0002.jpg").unlink()
    os.link(tmp_path / "ann/ann_0001.jpg", tmp_path / "ann/ann_0002.jpg")
    read(tmp_path)
    (record,) = caplog.records
    first, second = (
        ("ann/ann_0002.jpg", "ann/ann_0001.jpg") if read is enrolled else ("ann/ann_0001.jpg", "ann/ann_0002.jpg")
    )
    expected = f"1 comparisons are of an image with its own copy, which any network gets right: {first} = {second}"
    assert record.getMessage().endswith(expected)


def test_ar_tells_each_comparison_once_for_all_conditions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, code in enumerate(("01", "05", "08", "11", "14")):
        (tmp_path / f"m-001-{code}.png").write_bytes(encode(pseudo_face(number, size=(16, 16)), "png"))
    for code in ("08", "21"):  # with sunglasses, in both sessions
        (tmp_path / f"m-001-{code}.png").write_bytes((tmp_path / "m-001-01.png").read_bytes())
    ar_faces(tmp_path)
    (record,) = caplog.records
    assert record.getMessage().startswith("ar: 4 comparisons are of an image with its own copy")
    assert (
        "m-001-01.png = m-001-08.png, m-001-01.png = m-001-21.png, m-001-08.png = m-001-01.png and 1 more"
        in caplog.text
    )


def test_a_bin_file_that_pairs_an_image_with_itself_tells(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = [bytes([number]) for number in range(20)]
    images[7] = images[6]
    (tmp_path / "set.bin").write_bytes(pickle.dumps((images, np.ones(10, bool).tolist())))
    protocol = bin_pairs(tmp_path / "set.bin")
    assert len(protocol.verification["all"]) == 10
    assert (
        "set: 1 comparisons are of an image with its own copy, which any network gets right: set.bin[6] = set.bin[6]"
        in caplog.text
    )
