"""Image folders: order and names follow the names on disk alone; what is no dataset is refused in a line."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.image_folder import ImageFolder
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder


def test_reads_what_was_written(tmp_path: Path) -> None:
    source = ImageFolder(str(write_image_folder(tmp_path, {"bea": 2, "ann": 1}, size=(10, 8), extension="png")))
    assert isinstance(source, FaceSource)
    assert len(source) == 3
    assert source.identities.tolist() == [0, 1, 1]
    assert source.identities.dtype == np.int64
    assert source.identity_names == ("ann", "bea")
    assert [source.name(index) for index in range(3)] == ["ann/ann_0001.png", "bea/bea_0001.png", "bea/bea_0002.png"]
    assert source.name(-1) == "bea/bea_0002.png"
    assert_array_equal(source.image(2), pseudo_face(1, 1, size=(10, 8)))
    assert source.landmarks(0) is None
    assert source.skipped == 0


def test_order_is_independent_of_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image_folder(tmp_path, {"é": 2, "a": 3, "B": 1, "a b": 2}, size=(4, 4))
    expected = ImageFolder(tmp_path)
    scandir = os.scandir

    class Reversed:
        def __init__(self, path: Any) -> None:
            with scandir(path) as entries:
                self.entries = list(entries)[::-1]

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(os, "scandir", Reversed)
    shuffled = ImageFolder(tmp_path)
    assert [shuffled.name(i) for i in range(8)] == [expected.name(i) for i in range(8)]
    assert shuffled.identity_names == ("B", "a", "a b", "é")


def test_passes_over_what_is_no_image_of_an_identity(tmp_path: Path) -> None:
    write_image_folder(tmp_path, {"ann": 1, ".hidden": 1}, size=(4, 4))
    write_image_folder(tmp_path / "ann", {"deeper": 1}, size=(4, 4))
    (tmp_path / "empty").mkdir()
    image = encode(pseudo_face(0, size=(4, 4)))
    for name in ("top.jpg", "ann/.hidden.jpg", "ann/notes.txt", "ann/jpg", "ann/x.jpg.part"):
        (tmp_path / name).write_bytes(image)
    (tmp_path / "ann/folder.jpg").mkdir()
    source = ImageFolder(tmp_path)
    assert [source.name(index) for index in range(len(source))] == ["ann/ann_0001.jpg"]
    assert source.skipped == 1


def test_extensions_in_any_case_and_of_choice(tmp_path: Path) -> None:
    write_image_folder(tmp_path, {"ann": 1}, size=(4, 4))
    for name in ("b.JPG", "c.Jpeg", "d.PNG", "e.ppm"):
        (tmp_path / "ann" / name).write_bytes(b"")
    assert len(ImageFolder(tmp_path)) == 4
    assert len(ImageFolder(tmp_path, extensions=[".PPM", "png"])) == 2


def test_links_are_followed_and_loops_are_none(tmp_path: Path) -> None:
    write_image_folder(tmp_path, {"ann": 1, "désirée ☃": 1}, size=(4, 4))
    for link, target in (("loop", "loop"), ("up", ".."), ("here", "."), ("gone", "nowhere"), ("zoe", "ann")):
        (tmp_path / link).symlink_to(target)
    source = ImageFolder(tmp_path)
    assert source.identity_names == ("ann", "désirée ☃", "zoe")
    assert_array_equal(source.image(2), source.image(0))


def test_names_that_are_no_text_are_names(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).mkdir()
    (tmp_path / os.fsdecode(b"\xff\xfe") / os.fsdecode(b"\xe9.png")).write_bytes(encode(pseudo_face(0), "png"))
    source = ImageFolder(tmp_path)
    assert source.image(0).shape == (112, 112, 3)
    assert os.fsencode(source.name(0)) == b"\xff\xfe/\xe9.png"


def test_pickled_source_reads_on(tmp_path: Path) -> None:
    source = ImageFolder(write_image_folder(tmp_path, {"ann": 2}, size=(4, 4)))
    copied = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes
    assert_array_equal(copied.image(1), source.image(1))


def test_names_are_out_of_range_beyond_the_last_image(tmp_path: Path) -> None:
    source = ImageFolder(write_image_folder(tmp_path, {"ann": 2}, size=(4, 4)))
    with pytest.raises(IndexError):
        source.name(2)


def test_refuses_an_image_that_is_broken_or_gone(tmp_path: Path) -> None:
    source = ImageFolder(write_image_folder(tmp_path, {"ann": 2}, size=(4, 4)))
    (tmp_path / "ann/ann_0001.jpg").write_bytes(b"")
    (tmp_path / "ann/ann_0002.jpg").unlink()
    with pytest.raises(DataError, match=r"ann/ann_0001\.jpg: expected a JPEG, .* got 0 bytes"):
        source.image(0)
    with pytest.raises(DataError, match=r"ann/ann_0002\.jpg: expected an image file, got No such file"):
        source.image(1)


def test_refuses_a_root_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none: expected a folder of images, got No such file"):
        ImageFolder(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match=r"file: expected a folder of images, got Not a directory"):
        ImageFolder(tmp_path / "file")


def test_refuses_images_without_identity_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected one sub-folder per identity, got 0 images, 0 other files"):
        ImageFolder(tmp_path)
    for name in ("a.jpg", "b.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match="expected one sub-folder per identity, got 2 images, 1 other files"):
        ImageFolder(tmp_path)


def test_refuses_identity_folders_without_images(tmp_path: Path) -> None:
    (tmp_path / "train/ann").mkdir(parents=True)
    with pytest.raises(DataError, match=r"in its 1 sub-folders, got 0 images, 0 other files and 1 folders in 'train'"):
        ImageFolder(tmp_path)
