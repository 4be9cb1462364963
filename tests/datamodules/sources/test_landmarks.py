"""Landmarks: templates scale linearly, tables are read as written, the source's own come first."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks
from datamodules.sources.image_folder import ImageFolder
from datamodules.sources.landmarks import ALIGNMENTS, CsvLandmarks, FixedLandmarks, LandmarkSource, SourceLandmarks
from tests.helpers.faces_on_disk import write_image_folder

ROW = "1,2,3,4,5,6,7,8,9,10"


@pytest.fixture
def folder(tmp_path: Path) -> ImageFolder:
    return ImageFolder(write_image_folder(tmp_path / "faces", {"ann": 2}, size=(4, 4)))


class Annotated(ImageFolder):
    """Knows the landmarks of its first image."""

    def landmarks(self, index: int) -> Landmarks | None:
        return np.full((5, 2), 7, dtype=np.float32) if index == 0 else None


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "landmarks.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", list(ALIGNMENTS))
def test_templates_are_faces(name: str) -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = FixedLandmarks(name).scaled(112, 112)
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_template_of_its_own_size_is_itself(folder: ImageFolder) -> None:
    landmarks = FixedLandmarks("arcface")(folder, 0, 112, 112)
    assert landmarks.dtype == np.float32
    assert_allclose(landmarks, ALIGNMENTS["arcface"].points, rtol=1e-6)


def test_points_scale_with_each_side() -> None:
    points = [[1.0, 2.0], [3.0, 2.0], [2.0, 3.0], [1.0, 4.0], [3.0, 4.0]]
    scaled = FixedLandmarks(points, size=(5, 4)).scaled(height=10, width=12)
    assert_allclose(scaled, np.array(points) * [3, 2])


@pytest.mark.parametrize(
    ("text", "first"),
    [
        pytest.param(f"ann/ann_0001.jpg,{ROW}\n", 1, id="csv"),
        pytest.param(f"\ufeffname,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5\nann/ann_0001.jpg,{ROW}\n", 1, id="header"),
        pytest.param(f"ann/ann_0001.jpg,{ROW}".replace(",", "\t"), 1, id="tsv"),
        pytest.param(f"ann/ann_0001.jpg,{ROW}".replace(",", ";"), 1, id="semicolons"),
        pytest.param(
            f"\n \n{'x,' * 11}\r\n .\\ann\\ann_0001.jpg , {ROW.replace(',', ' , ')} \r\n,,\r\n", 1, id="Windows"
        ),
        pytest.param(
            f"score,Y1,x1,x2,y2,x3,y3,x4,y4,x5,y5,image\n.9,2,1{ROW[3:]},ann/ann_0001.jpg",
            1,
            id="named columns in another order",
        ),
        pytest.param(f'"a,b.jpg",{ROW}\n\nann/ann_0001.jpg,-1.5{ROW[1:]}\n', -1.5, id="quoted"),
    ],
)
def test_table_is_read(tmp_path: Path, folder: ImageFolder, text: str, first: float) -> None:
    landmarks: NDArray[np.float32] = CsvLandmarks(table(tmp_path, text))(folder, 0, 4, 4)
    assert landmarks.dtype == np.float32
    assert landmarks.tolist() == [[first, 2], [3, 4], [5, 6], [7, 8], [9, 10]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"a.jpg,{ROW}\nb.jpg,1,2\n", "line 2: expected an image name and ten finite numbers, got ['b.jpg', '1', '2']"),
        (f"a.jpg,{ROW},11\n", "line 1: expected an image name and ten finite numbers"),
        (f"a.jpg,one{ROW[1:]}\n", "line 1: expected an image name and ten finite numbers"),
        ("a.jpg" + ",nan" * 10, "line 1: expected an image name and ten finite numbers"),
        (f"a.jpg,inf{ROW[1:]}\n", "line 1: expected an image name and ten finite numbers"),
        (f"a.jpg,1e300{ROW[1:]}\n", "line 1: expected an image name and ten finite numbers"),
        (f"a/b.jpg,{ROW}\n\na\\b.jpg,{ROW}\n", r"line 3: expected every image once, got 'a\\b.jpg' again"),
        (f"name,x\nname,{ROW}\nname,{ROW}\n", "line 3: expected every image once, got 'name' again"),
        (f"a.jpg {ROW.replace(',', ' ')}\n", "line 1: expected an image name and ten finite numbers"),
    ],
)
def test_refuses_table_rows_by_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"landmarks\.csv: {re.escape(reason)}"):
        CsvLandmarks(table(tmp_path, text))


def test_refuses_unreadable_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: expected a table of landmarks, got .*No such file"):
        CsvLandmarks(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match=r"latin\.csv: expected a table of landmarks, got .*utf-8"):
        CsvLandmarks(tmp_path / "latin.csv")


def test_refuses_an_image_the_table_lacks(tmp_path: Path, folder: ImageFolder) -> None:
    landmarks = CsvLandmarks(table(tmp_path, f"ann/ann_0001.jpg,{ROW}\n"))
    with pytest.raises(DataError, match=r"landmarks\.csv: expected a row for image 'ann/ann_0002\.jpg', got none in 1"):
        landmarks(folder, 1, 4, 4)


def test_the_sources_own_come_before_the_fallback(folder: ImageFolder) -> None:
    annotated = Annotated(folder.root)
    landmarks = SourceLandmarks(FixedLandmarks("lfw"))
    assert landmarks(annotated, 0, 112, 112).tolist() == [[7, 7]] * 5
    assert_allclose(landmarks(annotated, 1, 112, 112), ALIGNMENTS["lfw"].points, rtol=1e-6)


def test_refuses_a_source_without_landmarks_and_no_fallback(folder: ImageFolder) -> None:
    with pytest.raises(DataError, match=r"ann/ann_0001\.jpg: expected landmarks from ImageFolder, got none"):
        SourceLandmarks()(folder, 0, 4, 4)


def test_all_are_landmark_sources(tmp_path: Path) -> None:
    for landmarks in (FixedLandmarks("lfw"), SourceLandmarks(), CsvLandmarks(table(tmp_path, ""))):
        assert isinstance(landmarks, LandmarkSource)


def test_refuses_templates() -> None:
    five = [[1.0, 2.0]] * 5
    with pytest.raises(ValueError, match=r"`points` to be one of \['arcface', 'lfw'\] or five \(x, y\), got 'dlib'"):
        FixedLandmarks("dlib")
    with pytest.raises(ValueError, match="no `size` with 'lfw'"):
        FixedLandmarks("lfw", size=(112, 112))
    for points in (five[:4], [[1.0]] * 5, [[1.0, float("nan")]] * 5):
        with pytest.raises(ValueError, match=r"`points` to be five finite \(x, y\)"):
            FixedLandmarks(points, size=(4, 4))
    for size in (None, (0, 4)):
        with pytest.raises(ValueError, match="`size` to be the height and width"):
            FixedLandmarks(five, size=size)
