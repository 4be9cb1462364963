"""Crops: landmarks land on the template, whatever the photograph; what is no face is refused by name."""

import re

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from datamodules.alignment.aligner import Aligner, face_template
from datamodules.alignment.alignment_error import AlignmentError
from datamodules.sources import ALIGNMENTS
from tests.datamodules.alignment.conftest import FACE, SIDE, photo
from tests.helpers.faces_on_disk import pseudo_face


@pytest.mark.parametrize("transform", ["similarity", "affine"])
@pytest.mark.parametrize("template", list(ALIGNMENTS))
@pytest.mark.parametrize("size", [112, 224, 100])
def test_landmarks_of_the_templates_shape_land_on_it(size: int, template: str, transform: str) -> None:
    goal = face_template(template, size)
    turn = cv2.getRotationMatrix2D((80, 80), 30, 1.7)
    image, name = np.zeros((size * 3, size * 3, 3), np.uint8), "a"
    points = goal @ turn[:, :2].T + turn[:, 2] + size
    for x, y in points:  # a bright dot on each landmark
        cv2.circle(image, (round(x * 16), round(y * 16)), 16 * 4, (255, 255, 255), -1, cv2.LINE_AA, shift=4)
    aligner = Aligner(size=size, template=template, transform=transform)
    matrix = aligner.matrix(points.astype(np.float32), name=name)
    assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], goal, atol=1e-3)
    crop = aligner(image, points.astype(np.float32), name=name)
    for x, y in goal:
        window = crop[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, 0].astype(float)
        rows, columns = np.indices(window.shape)
        centre = (
            (columns * window).sum() / window.sum() + round(x) - 5,
            (rows * window).sum() / window.sum() + round(y) - 5,
        )
        assert_allclose(centre, (x, y), atol=0.25)


@pytest.mark.parametrize("size", [112, 224, 100])
def test_four_points_land_on_eyes_nose_and_centre_of_the_mouth(size: int) -> None:
    goal = face_template("arcface", size, count=4)
    five = face_template("arcface", size)
    assert_allclose(goal[:3], five[:3])
    assert_allclose(goal[3], (five[3] + five[4]) / 2)
    points = (goal * 0.8 + 3).astype(np.float32)
    matrix = Aligner(size=size, transform="affine").matrix(points, name="a")
    assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], goal, atol=1e-3)


def test_an_aligned_face_is_left_as_it_is() -> None:
    face = pseudo_face(3)
    crop = Aligner()(face, FACE, name="a").astype(int)
    assert np.abs(crop - face).max() <= 1


def test_faces_of_photographs_come_back() -> None:
    for shot in range(5):
        image, points = photo(1, shot)
        crop = Aligner()(image, points, name="a").astype(float)
        face = pseudo_face(1, shot).astype(float)
        difference = cv2.blur(crop - face, (5, 5))[20:92, 20:92]
        assert np.abs(difference).mean() < 6


def test_grey_is_the_colours_grey() -> None:
    image, points = photo(0, 0)
    grey = Aligner(size=100, grey=True)(image, points, name="a")
    assert grey.shape == (100, 100)
    assert_array_equal(grey, cv2.cvtColor(Aligner(size=100)(image, points, name="a"), cv2.COLOR_RGB2GRAY))


def test_beyond_the_photograph_is_black() -> None:
    crop = Aligner()(np.full((112, 60, 3), 200, np.uint8), FACE * np.float32(0.4), name="a")
    assert crop[56, 56].tolist() == [200] * 3
    assert crop[0, -1].tolist() == [200] * 3
    assert not Aligner()(np.full((95, 80, 3), 200, np.uint8), FACE, name="a")[96:].any()


@pytest.mark.parametrize("point", [(-0.6, 50), (SIDE - 0.4, 50), (50, -0.6), (50, SIDE - 0.4), (900, 1)])
def test_refuses_a_landmark_outside_its_image_and_names_both(point: tuple[float, float]) -> None:
    image, points = photo(0, 0)
    points[4] = point
    place = f"right mouth corner at ({point[0]:g}, {point[1]:g})"
    reason = f"Ada/0.png: expected every landmark inside 160 × 160 pixels (width × height), got {place}"
    with pytest.raises(AlignmentError, match=re.escape(reason)) as error:
        Aligner()(image, points, name="Ada/0.png")
    assert error.value.kind == "landmark outside its image"


def test_the_outer_pixels_edge_is_inside() -> None:
    image = np.zeros((112, 112, 3), np.uint8)
    points = FACE.copy()
    points[:2, 1] = -0.5
    Aligner()(image, points, name="a")


@pytest.mark.parametrize("order", [[1, 0, 2, 4, 3], [0, 0, 0, 0, 0]])
def test_refuses_landmarks_unlike_a_face(order: list[int]) -> None:
    with pytest.raises(
        AlignmentError, match=r"Ada: expected landmarks in the order left eye, .* unexplained: \[\["
    ) as error:
        Aligner()(np.zeros((112, 112, 3), np.uint8), FACE[order], name="Ada")
    assert error.value.kind == "landmarks unlike a face"


def test_refuses_landmarks_that_determine_no_map() -> None:
    line = (FACE * [0, 1] + [50, 0]).astype(np.float32)
    image = np.zeros((112, 112, 3), np.uint8)
    assert Aligner()(image, line, name="Ada").shape == (112, 112, 3)
    with pytest.raises(AlignmentError, match="Ada: expected points that are not on one line") as error:
        Aligner(transform="affine")(image, line, name="Ada")
    assert error.value.kind == "landmarks unlike a face"


def test_refuses_settings() -> None:
    for size in (15, 1025, -112):
        with pytest.raises(ValueError, match=rf"`size` in \[16, 1024\], got {size}"):
            Aligner(size=size)
    with pytest.raises(ValueError, match=r"`transform` to be one of \['affine', 'similarity'\], got 'tps'"):
        Aligner(transform="tps")
    with pytest.raises(ValueError, match=r"one of \['arcface', 'lfw'\]"):
        Aligner(template="dlib")
