"""Exact fits: those of the drawn occluders' own solvers; the face's area as its ellipse says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from datamodules.occluders.anchors import LANDMARK_NAMES
from datamodules.occluders.drawn import CATEGORIES, drawn_sprite
from datamodules.protocols.lfw_occ.exact_fit import face_area, fit, template_of
from datamodules.sources.canonical_face import FACE
from datamodules.sources.landmarks import FixedLandmarks


@pytest.mark.parametrize("category", list(CATEGORIES))
@pytest.mark.parametrize(("name", "size"), [("lfw", (112, 112)), ("arcface", (224, 200))])
def test_fit_is_the_drawn_occluders_least_squares_fit(category: str, name: str, size: tuple[int, int]) -> None:
    landmarks, record = FixedLandmarks(name), CATEGORIES[category]
    matrix = np.array(fit(record.anchors, record.fit, template_of(landmarks), size, 24)).reshape(2, 3) / 2**24
    solver = drawn_sprite(category, "held_out", 0).solver
    points = landmarks.points * (size[1] / 112, size[0] / 112)
    to_image, to_face = ((solver @ ends.ravel()).reshape(2, 3) for ends in (points, FACE))
    corners = np.array([[0, 0, 1], [50, 0, 1], [0, 50, 1], [50, 50, 1.0]])
    in_image = np.column_stack([corners @ to_image.T, np.ones(4)])
    assert_allclose(in_image @ matrix.T, corners @ to_face.T, atol=1e-4)


def test_every_number_is_a_fraction_rounded_once() -> None:
    template = template_of(FixedLandmarks("lfw"))
    assert str(template[0][0]) == "(Fraction(409, 10), Fraction(467, 10))"
    for used, kind in {(category.anchors, category.fit) for category in CATEGORIES.values()}:
        fine, coarse = (np.array(fit(used, kind, template, (112, 112), bits)) for bits in (40, 24))
        assert_allclose(fine / 2**16, coarse, atol=0.5)


def test_the_faces_area_is_an_ellipse_from_hairline_to_chin() -> None:
    points = [[16.0, 20.0], [48.0, 20.0], [32.0, 39.2], [17.6, 55.6], [46.4, 55.6]]  # 0.4 pixels to a face unit
    area = face_area(template_of(FixedLandmarks(points, (80, 64))), (80, 64))
    y, x = np.mgrid[:80, :64]
    expected = ((x - 32) / 30.4) ** 2 + ((y - 36.8) / 41.6) ** 2 <= 1
    assert_array_equal(area, expected)
    assert not area.flags.writeable


def test_refuses_landmarks_without_extent() -> None:
    template = template_of(FixedLandmarks([[10.0, 10.0]] * 5, (20, 20)))
    with pytest.raises(ValueError, match=r"^Expected landmarks that span an upright face, got \[\(10\.0, 10\.0\), "):
        fit(LANDMARK_NAMES, "similarity", template, (20, 20), 24)
