"""An occluder that a visitor moves lies where it is told to, and paint covers what it was painted on."""

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.sources import FixedLandmarks
from experiments.demo_page.placed_occluder import NAMES, PAINTED_SIDE, Placement, covered, editor_face, painted

POINTS = FixedLandmarks("arcface")
FACE = np.full((112, 112, 3), 90, np.uint8)


def centre(placement: Placement, category: str = "sunglasses") -> np.ndarray:
    """Return the middle of what is covered, as row and column."""
    found: np.ndarray = np.argwhere((covered(FACE, category, placement, landmarks=POINTS) != FACE).any(2)).mean(0)
    return found


@pytest.mark.parametrize("category", NAMES)
def test_every_category_covers_something_and_changes_no_given_image(category: str) -> None:
    before = FACE.copy()
    assert (covered(FACE, category, Placement(), landmarks=POINTS) != FACE).any()
    assert np.array_equal(before, FACE)


def test_it_moves_by_shares_of_the_face() -> None:
    moved = centre(Placement(right=10, down=-15)) - centre(Placement())
    assert moved == pytest.approx([-0.15 * 112, 0.10 * 112], abs=1.5)


def test_its_area_grows_with_the_square_of_its_size() -> None:
    areas = [
        (covered(FACE, "sunglasses", Placement(size=size), landmarks=POINTS) != FACE).any(2).sum() for size in (40, 80)
    ]
    assert areas[1] / areas[0] == pytest.approx(4, rel=0.25)


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(DataError, match=r"Expected an occluder of .*, got 'hat'"):
        covered(FACE, "hat", Placement(), landmarks=POINTS)


def test_paint_covers_the_part_of_the_face_that_it_was_painted_on() -> None:
    sheet = np.zeros((PAINTED_SIDE, PAINTED_SIDE, 4), np.uint8)
    sheet[: PAINTED_SIDE // 2] = (200, 0, 0, 255)
    found = painted(FACE, {"layers": [sheet]})
    assert (found[:55] == (200, 0, 0)).all()
    assert (found[57:] == FACE[57:]).all()
    assert editor_face(FACE).shape == (PAINTED_SIDE, PAINTED_SIDE, 3)


@pytest.mark.parametrize(
    "editor", [None, {"layers": []}, {"layers": None}, {"layers": [np.zeros((8, 8, 4), np.uint8)]}]
)
def test_without_paint_the_face_stays(editor: dict[str, object] | None) -> None:
    assert np.array_equal(painted(FACE, editor), FACE)
