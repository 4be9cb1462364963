"""Anchors that are derived from alpha put an occluder where one that was drawn by known anchors is."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.occluders.anchors import ANCHORS
from datamodules.occluders.derived_anchors import alpha_body, derived_entry, framed_entry, named_kind
from datamodules.occluders.drawn import CATEGORIES, drawn_sprite
from datamodules.occluders.own_images import load_sprite
from datamodules.occluders.seats import SEATS, kind_of
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.canonical_face import FACE


def write(path: Path, alpha: UInt8Image) -> Path:
    cv2.imwrite(str(path), np.dstack([np.full((*alpha.shape, 3), 90, np.uint8), alpha]))
    return path


def rectangle(left: int, top: int, right: int, bottom: int, size: tuple[int, int] = (300, 400)) -> UInt8Image:
    alpha = np.zeros(size, np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha


@pytest.mark.parametrize("kind", SEATS)
def test_the_body_lies_on_the_seat(tmp_path: Path, kind: str) -> None:
    """On the canonical face: stretched onto the box, or of its own shape, touching it where it is held."""
    alpha = rectangle(100, 120, 260, 230)
    entry = derived_entry(write(tmp_path / "a.png", alpha), kind, kind)
    matrix = (load_sprite(entry).solver @ FACE.ravel()).reshape(2, 3)
    left, top, right, bottom = alpha_body(alpha)
    (x0, y0), (x1, y1) = (matrix @ (x, y, 1) for x, y in ((left, top), (right, bottom)))
    box_left, box_top, box_right, box_bottom = SEATS[kind].box
    if SEATS[kind].hold == "fill":
        np.testing.assert_allclose((x0, y0, x1, y1), SEATS[kind].box, atol=0.2)
    else:
        assert (x1 - x0) / (y1 - y0) == pytest.approx(160 / 110, rel=0.01)
        assert (x0 + x1) / 2 == pytest.approx((box_left + box_right) / 2, abs=0.2)
        held = {"top": (y0, box_top), "bottom": (y1, box_bottom)}
        assert held.get(SEATS[kind].hold, ((y0 + y1) / 2, (box_top + box_bottom) / 2)) == pytest.approx(
            held.get(SEATS[kind].hold, ((box_top + box_bottom) / 2,) * 2)[1:] * 2, abs=0.2
        )


@pytest.mark.parametrize("category", CATEGORIES)
def test_drawn_occluders_find_their_way_back(tmp_path: Path, category: str) -> None:
    """What was drawn by known anchors covers, by derived ones, much of what it covered: IoU on the canonical face."""
    kind, overlaps = kind_of(category), []
    assert kind is not None
    canvas, shift = (420, 420), np.array([[1, 0, 210], [0, 1, 120]], np.float64)
    for index in range(6):
        level = drawn_sprite(category, "train", index).levels[0]
        known = (drawn_sprite(category, "train", index).solver @ (FACE + shift[:, 2]).ravel()).reshape(2, 3)
        true = cv2.warpAffine(level.shape, known @ level.to_sprite, canvas) >= 128
        sprite = load_sprite(derived_entry(write(tmp_path / f"{index}.png", level.shape), category, kind))
        found = (sprite.solver @ (FACE + shift[:, 2]).ravel()).reshape(2, 3)
        seen = cv2.warpAffine(sprite.levels[0].shape, found @ sprite.levels[0].to_sprite, canvas) >= 128
        overlaps.append((true & seen).sum() / (true | seen).sum())
    assert np.mean(overlaps) > {"cup": 0.5}.get(category, 0.65)


def test_strings_and_specks_are_no_part_of_the_body() -> None:
    alpha = rectangle(100, 120, 260, 230)
    with_strings = alpha.copy()
    with_strings[150:153] = 255
    with_strings[:, 110:112] = 255
    with_strings[5:9, 390:396] = 255
    assert alpha_body(with_strings) == alpha_body(alpha) == (99.5, 119.5, 259.5, 229.5)


def test_pieces_are_one_body() -> None:
    lenses = rectangle(60, 100, 160, 180) | rectangle(220, 100, 320, 180)
    assert alpha_body(lenses) == (59.5, 99.5, 319.5, 179.5)


def test_a_narrow_image_is_seated_by_what_lies_near(tmp_path: Path) -> None:
    entry = derived_entry(write(tmp_path / "pole.png", rectangle(3, 3, 15, 290, (300, 18))), "pole", "object")
    assert set(entry.anchors) >= {"nose", "mouth"}
    assert not set(entry.anchors) & {"left_eye", "right_eye"}
    load_sprite(entry)


def test_landmarks_of_a_frame_are_scaled_to_the_image(tmp_path: Path) -> None:
    path = write(tmp_path / "face.png", rectangle(10, 10, 60, 60, (224, 448)))
    points = np.array([(38.0, 51.0), (73.0, 51.0), (56.0, 71.0), (41.0, 92.0), (70.0, 92.0)])
    anchors = framed_entry(path, "hand", points, (112, 112)).anchors
    assert list(anchors) == list(ANCHORS)[:5]
    assert anchors["left_eye"] == pytest.approx((38.5 * 4 - 0.5, 51.5 * 2 - 0.5))
    assert framed_entry(path, "hand", points).anchors["nose"] == (56.0, 71.0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("surgical_blue_left.png", "mask"),
        ("FFP2 white.png", "mask"),
        ("Carnival/red.png", "party_mask"),
        ("hands/0042.png", "hand"),
        ("party_mask/n95.png", "mask"),
        ("CelebAHQ/10042.png", None),
        ("hat.webp", "cap"),
        ("what.webp", None),
        ("eye mask.webp", "party_mask"),
    ],
)
def test_a_name_or_a_folder_tells_the_kind(name: str, kind: str | None) -> None:
    assert named_kind(name) == kind


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        pytest.param(
            np.full((20, 30), 255, np.uint8), "opaque everywhere: its background was not removed", id="opaque"
        ),
        pytest.param(np.full((20, 30), 130, np.uint8), "opaque everywhere", id="tint"),
        pytest.param(np.zeros((20, 30), np.uint8), "transparent everywhere", id="empty"),
        pytest.param(rectangle(5, 5, 10, 100), "at least 8 pixels each way, got one of 5 x 95", id="thin"),
        pytest.param(rectangle(1, 1, 2999, 10, (11, 3000)), "more than an image's size outside", id="flat"),
    ],
)
def test_refuses_in_one_line(tmp_path: Path, alpha: UInt8Image, message: str) -> None:
    with pytest.raises(DataError, match=f"a b.png: .*{message}") as error:
        derived_entry(write(tmp_path / "a b.png", alpha), "mask", "cap")
    assert "\n" not in str(error.value)
