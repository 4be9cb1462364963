"""Listed files: images in the order of the list, identities in the order of names."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols.file_list import FileList
from datamodules.seams.face_source import FaceSource
from tests.helpers.faces_on_disk import pseudo_face, write_image_folder


def test_reads_the_listed_images_in_the_order_of_the_list(tmp_path: Path) -> None:
    write_image_folder(tmp_path, {"ann": 2, "bea": 1}, size=(8, 8), extension="png")
    source = FileList(str(tmp_path), ["bea/bea_0001.png", "ann/ann_0002.png"], ["bea", "ann"])
    assert isinstance(source, FaceSource)
    assert len(source) == 2
    assert source.identities.tolist() == [1, 0]
    assert source.identities.dtype == np.int64
    assert source.identity_names == ("ann", "bea")
    assert source.name(1) == "ann/ann_0002.png"
    assert source.landmarks(0) is None
    assert_array_equal(source.image(1), pseudo_face(0, 1, size=(8, 8)))
    copied = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes
    assert_array_equal(copied.image(0), pseudo_face(1, 0, size=(8, 8)))


def test_decodes_as_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\7")

    def decode(data: bytes, *, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        assert name == str(tmp_path / "x")
        return np.full((2, 2, 3), data[0], np.uint8)

    assert FileList(tmp_path, ["x"], ["ann"], decode=decode).image(0)[0, 0, 0] == 7


def test_refuses_a_list_that_is_none() -> None:
    with pytest.raises(DataError, match="root: expected a list of images, got an empty one"):
        FileList("root", [], [])
    with pytest.raises(DataError, match="root: expected every image once, got b again"):
        FileList("root", ["a", "b", "c", "b"], ["x"] * 4)
    with pytest.raises(ValueError, match="Expected one identity per image, got 1 for 2 images"):
        FileList("root", ["a", "b"], ["x"])


def test_refuses_an_image_that_is_broken_or_gone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no")
    source = FileList(tmp_path, ["a.jpg", "b.jpg"], ["x", "x"])
    with pytest.raises(DataError, match=r"a\.jpg: expected a JPEG, .* got 2 bytes"):
        source.image(0)
    with pytest.raises(DataError, match=r"b\.jpg: expected an image file, got No such file"):
        source.image(1)
