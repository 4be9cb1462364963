"""Regions of faces and the labels that follow: by hand, and laws of hulls and ellipses."""

import re
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks
from datamodules.sources import FixedLandmarks, LandmarkEllipse, LandmarkHull, MaskHull
from datamodules.sources.labelled.face_region import Marks, Pixels, face_labels
from tests.helpers.doubles import PlainSource
from tests.helpers.labelled_sets import face_and_bar

SOURCE = PlainSource([3], size=(64, 64))
FACE = face_and_bar(1)[1]


def test_marks_outside_of_the_region_are_visible_and_occluders_there_are_not_asked_for() -> None:
    region = np.array([[1, 1, 1, 0, 0]], bool)
    visible, hair = np.array([[1, 0, 0, 1, 0]], bool), np.array([[0, 1, 0, 0, 0]], bool)
    assert face_labels(Marks(visible), region, "a").tolist() == [[0, 1, 1, 0, 255]]
    assert face_labels(Marks(visible, others=hair), region, "a").tolist() == [[0, 255, 1, 0, 255]]
    assert face_labels(Marks(occluder=visible), region, "a").tolist() == [[1, 0, 0, 255, 255]]
    assert face_labels(Marks(visible), None, "a").tolist() == [[0, 255, 255, 0, 255]]
    assert face_labels(Marks(visible, hair), None, "a").tolist() == [[0, 1, 255, 0, 255]]
    with pytest.raises(DataError, match="a: expected a face in its mask, got none"):
        face_labels(Marks(np.zeros((1, 2), bool)), None, "a")


def test_a_whole_face_is_covered_nowhere_however_uneven_its_outline() -> None:
    uneven = FACE.copy()
    uneven[5:8, 28:34] = False  # a notch at the hairline
    for visible in (FACE, uneven):
        labels = face_labels(Marks(visible), MaskHull()(Marks(visible), SOURCE, 0), "a")
        assert not (labels == 1).any()
        assert ((labels == 0) == visible).all()
    assert (MaskHull(least_depth=0)(Marks(uneven), SOURCE, 0) & ~uneven).sum() >= 10


def test_what_lies_amid_the_face_is_covered_however_thin_and_at_its_edge_if_deep() -> None:
    for rows, columns in ((slice(30, 31), slice(20, 44)), (slice(40, 50), slice(0, 64))):
        covered = np.zeros_like(FACE)
        covered[rows, columns] = True
        visible = FACE & ~covered
        region = MaskHull()(Marks(visible), SOURCE, 0)
        assert (region & covered & FACE).sum() > 0.9 * (covered & FACE).sum()
    half = FACE.copy()
    half[44:] = False  # a scarf: nobody knows from the mask how far the face goes on below it
    assert not MaskHull()(Marks(half), SOURCE, 0)[44:].any()


def test_specks_of_a_mask_do_not_widen_the_face() -> None:
    specks = FACE.copy()
    specks[0, 0] = specks[63, 63] = True
    assert np.array_equal(MaskHull()(Marks(specks), SOURCE, 0), MaskHull()(Marks(FACE), SOURCE, 0))


def test_an_ellipse_turns_shifts_and_grows_with_the_landmarks() -> None:
    plain = FixedLandmarks("arcface").scaled(64, 64)

    def area(points: Landmarks, scale: float = 1.0) -> Pixels:
        found = LandmarkEllipse(FixedLandmarks(points.tolist(), (64, 64)), scale)
        return found(Marks(FACE), SOURCE, 0)

    region = area(plain)
    assert 0.3 < region.mean() < 0.5
    for row, column in plain.round().astype(int)[:, ::-1]:
        assert region[row, column]
    assert np.array_equal(area(plain + np.float32(8))[8:, 8:], region[:-8, :-8])
    assert np.array_equal(LandmarkEllipse("arcface")(Marks(FACE), SOURCE, 0), region)
    small = np.float32(32) + np.float32(0.4) * (plain - np.float32(32))
    turned = np.float32(32) + (small - np.float32(32)) @ np.array([[0, 1], [-1, 0]], np.float32)
    assert abs(int(area(turned).sum()) - int(area(small).sum())) < 8
    assert area(small, 1.2).sum() / area(small).sum() == pytest.approx(1.44, abs=0.1)
    with pytest.raises(DataError, match="image-0: expected landmarks that span a face"):
        area(np.tile(plain[:1], (5, 1)))
    with pytest.raises(ValueError, match="Expected a positive `scale`, got 0"):
        LandmarkEllipse(scale=0)


def test_a_hull_holds_its_points_and_their_lines(tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("image,x1,y1,x2,y2,x3,y3,x4,y4\nimage-0,10,10,50,10,50,40,30,20\nimage-1.jpg,0,0,9,0,9,9,3,1\n")
    region = LandmarkHull(table)(Marks(FACE), SOURCE, 0)
    assert region[10, 10:51].all()
    assert region[10:41, 50].all()
    assert not region[41:].any()
    assert region.sum() == pytest.approx(40 * 30 / 2, rel=0.1)
    assert LandmarkHull(table, 0.5)(Marks(FACE), SOURCE, 0).sum() == pytest.approx(region.sum() / 4, rel=0.2)
    with pytest.raises(DataError, match="expected a row for image 'image-2', got none in 2 rows"):
        LandmarkHull(table)(Marks(FACE), SOURCE, 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,1,2,3,4\n", "line 1: expected a name and 6 finite coordinates"),
        ("a,1,2,3,4,5,6\nb,1,2,3,4,5,6,7,8\n", "line 2: expected a name and 6 finite coordinates"),
        ("a,1,2,3,4,5,nan\n", "line 1: expected a name and 6 finite coordinates"),
        ("a,1,2,3,4,5,6\na,1,2,3,4,5,6\n", "line 2: expected every image once, got 'a' again"),
        ("d/a,1,2,3,4,5,6\nd\\a,1,2,3,4,5,6\n", "line 2: expected every image once, got 'd/a' again"),
        ("", "expected rows of landmarks, got none"),
    ],
)
def test_refuses_tables_that_are_none(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "points.csv").write_text(content)
    with pytest.raises(DataError, match=rf"points\.csv: {re.escape(said)}"):
        LandmarkHull(tmp_path / "points.csv")


def test_refuses_hulls_of_what_is_not_the_face() -> None:
    with pytest.raises(DataError, match="expected a mask of the visible face for its hull, got an occluder's"):
        MaskHull()(Marks(occluder=FACE), SOURCE, 0)
    with pytest.raises(ValueError, match="Expected `least_depth` in \\[0, 1\\], got 2"):
        MaskHull(least_depth=2)
