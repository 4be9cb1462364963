"""A drawn face follows its landmarks."""

from pathlib import Path

import numpy as np
from PIL import Image

from callbacks.figures.drawn_face import face_lines
from callbacks.figures.verification_map_figure import FaceMap, draw_maps

POINTS = np.array([[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [70.0, 92.0]])


def test_the_face_moves_grows_and_turns_with_its_landmarks() -> None:
    plain = face_lines(POINTS)
    for moved, ours in zip(face_lines(2 * POINTS + [5, -3]), plain, strict=True):
        np.testing.assert_allclose(moved, 2 * ours + [5, -3])


def test_eyes_and_mouth_are_where_the_landmarks_are_and_the_outline_is_around_them() -> None:
    lines = face_lines(POINTS)
    outline = lines[0]
    assert (outline.min(0) < POINTS.min(0)).all()
    assert (outline.max(0) > POINTS.max(0)).all()
    for point in (POINTS[0], POINTS[1]):
        assert any(np.allclose((line.min(0) + line.max(0)) / 2, point, atol=0.5) for line in lines[1:])
    assert any(np.allclose(line[[0, -1]], POINTS[3:]) for line in lines)


def test_maps_are_drawn_and_told_in_words(tmp_path: Path) -> None:
    values = np.linspace(0, 0.25, 112 * 112, dtype=np.float32).reshape(112, 112)
    shown = [FaceMap("fall", values, "cosine"), FaceMap("rejected", 0 * values, "%", "40 pairs", least=0, most=1)]
    with Image.open(draw_maps(shown, POINTS, tmp_path / "maps.png", heading="SFace")) as picture:
        assert picture.info["Description"] == "SFace. fall: cosine, 0 to 0.25; rejected: %, 0 to 0"
        colours = len(picture.convert("RGB").getcolors(1 << 24) or [])
    assert colours > 100
