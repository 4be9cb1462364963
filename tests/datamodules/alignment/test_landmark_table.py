"""Lists of landmarks: every known form gives the same points, and what cannot be told apart is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from datamodules.alignment.landmark_table import LandmarkTable
from datamodules.errors import DataError
from tests.datamodules.alignment.conftest import FACE

FIVE = FACE.round()
FOUR = np.vstack([FIVE[:3], FIVE[3:].mean(0)])
PAIRS = " ".join(f"{value:g}" for value in FIVE.ravel())
PLANAR = " ".join(f"{value:g}" for value in FIVE.T.ravel())
FOUR_PAIRS = " ".join(f"{value:g}" for value in FOUR.ravel())
NAMES = "x1,y1,x2,y2,x3,y3,x4,y4,x5,y5"


def commas(text: str) -> str:
    return text.replace(" ", ",")


def tabs(text: str) -> str:
    return text.replace(" ", "\t")


def read(tmp_path: Path, text: str) -> LandmarkTable:
    path = tmp_path / "list.txt"
    path.write_text(text, encoding="utf-8", newline="")
    return LandmarkTable(path)


FIVE_FORMS = {
    "blanks": f"a/1.jpg {PAIRS}\n",
    "several blanks": f"a/1.jpg   {PAIRS.replace(' ', '   ')}  \n",
    "tabs, as LFW's": tabs(f"a/1.jpg {PAIRS}\n"),
    "label, as CASIA's": tabs(f"a/1.jpg 17 {PAIRS}\n"),
    "label that is a name": commas(f"a/1.jpg Ada_Lovelace {PAIRS}\n"),
    "label with a blank": tabs(f"a/1.jpg|{PAIRS}").replace("|", "\tAda Lovelace\t"),
    "commas": commas(f"a/1.jpg {PAIRS}\n"),
    "semicolons": f"a/1.jpg {PAIRS}\n".replace(" ", ";"),
    "blanks after commas": f"a/1.jpg {PAIRS}\n".replace(" ", ", "),
    "header": f"image_id,lefteye_x,lefteye_y,r_x,r_y,n_x,n_y,lm_x,lm_y,rm_x,rm_y\n{commas(f'a/1.jpg {PAIRS}')}\n",
    "byte order mark, Windows' ends and slashes": f"\ufeffpath,{NAMES}\r\n\r\na\\1.jpg,{commas(PAIRS)}\r\n",
    "named columns": f"score,{NAMES},identity,path\n0.9,{commas(PAIRS)},17,a/1.jpg\n",
    "named columns in another order": f"Path,Y1,X1,{NAMES[6:]},w\na/1.jpg,52,38,{commas(PAIRS)[6:]},3\n",
    "box": f"a/1.jpg 0 0 112 112 {PAIRS}\n",
    "label and box": f"a/1.jpg 17 0 0 112 112 {PAIRS}\n",
    "InsightFace's": tabs(f"0 a/1.jpg 17 0 0 112 112 {PLANAR}\n"),
    "InsightFace's with blanks": f"1\ta/1.jpg\t17\t0 0 112 112\t{PLANAR}\n",
    "InsightFace's in pairs": tabs(f"0 a/1.jpg 17 0 0 112 112 {PAIRS}\n"),
    "all x, then all y": f"a/1.jpg {PLANAR}\n",
    "a dot before the path": f"./a//1.jpg {PAIRS}\n",
    "quotes": f'"a/1.jpg",{commas(PAIRS)}\n',
}


@pytest.mark.parametrize("text", FIVE_FORMS.values(), ids=FIVE_FORMS)
def test_five_points_are_the_same_in_every_form(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert list(table) == ["a/1.jpg"]
    landmarks = table.landmarks("a/1.jpg")
    assert landmarks is not None
    assert landmarks.dtype == np.float32
    assert_allclose(landmarks, FIVE)


FOUR_FORMS = {
    "blanks": f"a/1.jpg {FOUR_PAIRS}\n",
    "label": tabs(f"a/1.jpg 17 {FOUR_PAIRS}\n"),
    "header": f"path,x1,y1,x2,y2,x3,y3,x4,y4,score\na/1.jpg,{commas(FOUR_PAIRS)},0.5\n",
    "all x, then all y": f"a/1.jpg {' '.join(f'{value:g}' for value in FOUR.T.ravel())}\n",
}


@pytest.mark.parametrize("text", FOUR_FORMS.values(), ids=FOUR_FORMS)
def test_four_points_are_the_same_in_every_form(tmp_path: Path, text: str) -> None:
    landmarks = read(tmp_path, text).landmarks("a/1.jpg")
    assert landmarks is not None
    assert_allclose(landmarks, FOUR)


def test_paths_may_have_blanks(tmp_path: Path) -> None:
    table = read(tmp_path, f"my faces/Ada 1.JPG {PAIRS}\nb.png {PAIRS}\n")
    assert list(table) == ["my faces/Ada 1.JPG", "b.png"]
    assert table.landmarks("c.png") is None
    assert "b.png" in table
    assert (len(table), table.line("b.png")) == (2, 2)


def test_a_few_wrong_rows_do_not_change_what_the_others_say(tmp_path: Path) -> None:
    wrong = "wrong.jpg 500 500 1 1 5 5 9 9 20 3\n"
    table = read(tmp_path, wrong + "".join(f"{i}.jpg {PAIRS}\n" for i in range(2)))
    landmarks = table.landmarks("wrong.jpg")
    assert landmarks is not None
    assert landmarks[0].tolist() == [500, 500]


def variant(points: NDArray[np.float32]) -> str:
    return "\n".join(f"{i}.jpg " + " ".join(f"{v:g}" for v in points.ravel()) for i in range(3))


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(FIVE[[1, 0, 2, 4, 3]], id="the person's left and right"),
        pytest.param(FIVE[[2, 0, 1, 3, 4]], id="nose first"),
        pytest.param(FIVE[[0, 1, 3, 4, 2]], id="nose last"),
        pytest.param(FIVE[:, ::-1], id="y before x"),
        pytest.param(FIVE * [-1, 1], id="mirrored"),
        pytest.param(np.ones((5, 2)), id="one point"),
        pytest.param(FOUR[[1, 0, 2, 3]], id="four points, the person's left and right"),
        pytest.param(FOUR[[0, 1, 3, 2]], id="four points, mouth before nose"),
    ],
)
def test_refuses_points_in_another_order(tmp_path: Path, points: NDArray[np.float32]) -> None:
    with pytest.raises(
        DataError, match=r"list\.txt: line 1: expected points in the order left eye, right eye.*no face"
    ):
        read(tmp_path, variant(points))


def test_refuses_a_score_behind_four_points(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: expected points in the order"):
        read(tmp_path, f"a.jpg {FOUR_PAIRS} 1\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"a.jpg {PAIRS}\nb.jpg {PAIRS} 1\n", "line 2: expected 11 fields as in line 1, got 12: ['b.jpg'"),
        (f"path,{NAMES}\na.jpg,1,2\n", "line 2: expected 11 fields as in line 1, got 3: ['a.jpg', '1', '2']"),
        (f"a.jpg {PAIRS}\n\nb.jpg nan{PAIRS[2:]}\n", "line 3: expected 10 finite coordinates, got ['nan', '52'"),
        (f"a.jpg {PAIRS}\nb.jpg x{PAIRS[2:]}\n", "line 2: expected 10 finite coordinates, got ['x', '52'"),
        (f"a.jpg {PAIRS} 1 2\n", "line 1: expected 8 (four points), 9 (label, four points), 10"),
        ("a.jpg 1 2\n", "got 2; a header can name others"),
        (f"17 {PAIRS}\n", "line 1: expected an image path (.jpg, .jpeg, "),
        (tabs(f"Ada a.jpg {PAIRS}\n"), "line 1: expected an image path"),
        (tabs(f"17 a.jpg {PAIRS}\n"), "line 1: expected an image path"),
        (f"a.jpg 38.5 {PAIRS}\n", "line 1: expected a label, no fraction, before the points, got 38.5; name it in"),
        (f"a.jpg {PAIRS}\nb.jpg {PAIRS}\n./a.jpg {PAIRS}\n", "every image once, got 'a.jpg' again, first in line 1"),
        (f"a.jpg {PAIRS}\n../b.jpg {PAIRS}\n", "line 2: expected a path below the folder of images, got '../b.jpg'"),
        (f"a/../../b.jpg {PAIRS}\n", "line 1: expected a path below the folder of images, got 'a/../../b.jpg'"),
        (f"/etc/b.jpg {PAIRS}\n", "line 1: expected a path below the folder of images, got '/etc/b.jpg'"),
        (f"..\\..\\b.jpg {PAIRS}\n", r"line 1: expected a path below the folder of images, got '..\\..\\b.jpg'"),
        (f"C:\\b.jpg {PAIRS}\n", r"line 1: expected a path below the folder of images, got 'C:\\b.jpg'"),
        ("", "list.txt: expected a row for each image, got none"),
        (f"path,{NAMES}\n", "list.txt: expected a row for each image, got none"),
    ],
)
def test_refuses_in_words_with_the_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError, match=re.escape(reason)) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "list.txt"))
    assert "\n" not in str(error.value)


def test_refuses_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: expected a list of landmarks, got .*No such file"):
        LandmarkTable(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match=r"latin\.csv: expected a list of landmarks, got .*utf-8"):
        LandmarkTable(tmp_path / "latin.csv")
