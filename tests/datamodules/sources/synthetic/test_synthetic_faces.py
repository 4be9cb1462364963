"""Synthetic faces as a source: the contract, the prefix property and the refusals."""

import pickle
from typing import Any

import numpy as np
import pytest

from datamodules.seams.face_source import FaceSource
from datamodules.sources.synthetic import SyntheticFaces


@pytest.fixture
def faces() -> SyntheticFaces:
    return SyntheticFaces(num_identities=4, images_per_identity=3, image_size=48, seed=2)


def test_is_a_face_source(faces: SyntheticFaces) -> None:
    image, landmarks = faces.image(0), faces.landmarks(0)
    assert image.shape == (48, 48, 3)
    assert image.dtype == np.uint8
    assert landmarks is not None
    assert landmarks.shape == (5, 2)
    assert landmarks.dtype == np.float32
    assert faces.all_landmarks(0).shape == (12, 2)
    assert isinstance(faces, FaceSource)


def test_images_are_ordered_by_identity(faces: SyntheticFaces) -> None:
    assert len(faces) == 12
    np.testing.assert_array_equal(faces.identities, np.repeat(np.arange(4), 3))
    assert faces.identities.dtype == np.int64
    assert faces.identity_names[3] == "synthetic-00003"
    assert faces.name(7) == "synthetic-00002/001"


def test_faces_do_not_depend_on_how_many_there_are(faces: SyntheticFaces) -> None:
    more = SyntheticFaces(num_identities=9, images_per_identity=5, image_size=48, seed=2)
    for identity in (0, 3):
        for draw in (0, 2):
            here, there = identity * 3 + draw, identity * 5 + draw
            np.testing.assert_array_equal(faces.image(here), more.image(there))
            np.testing.assert_array_equal(faces.landmarks(here), more.landmarks(there))


def test_seed_and_photo_change_the_picture(faces: SyntheticFaces) -> None:
    other = SyntheticFaces(num_identities=4, images_per_identity=3, image_size=48, seed=3)
    assert (faces.image(0) != other.image(0)).any()
    assert (faces.image(0) != faces.image(1)).any()


def test_images_belong_to_the_caller(faces: SyntheticFaces) -> None:
    image = faces.image(0)
    image[:] = 0
    assert faces.image(0).any()


def test_pickles_to_an_equal_source(faces: SyntheticFaces) -> None:
    copy = pickle.loads(pickle.dumps(faces))  # noqa: S301  # our own bytes
    np.testing.assert_array_equal(copy.image(5), faces.image(5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_identities": 0}, "`num_identities` >= 1, got 0"),
        ({"images_per_identity": -1}, "`images_per_identity` >= 1, got -1"),
        ({"image_size": 8}, r"`image_size` in \[16, 512\], got 8"),
        ({"seed": -1}, "`seed` >= 0, got -1"),
        ({"num_workers": -2}, "`num_workers` >= 0, got -2"),
    ],
)
def test_refuses_settings_when_built(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SyntheticFaces(**settings)


@pytest.mark.parametrize("index", [-1, 12])
@pytest.mark.parametrize("method", ["image", "landmarks", "all_landmarks", "name"])
def test_refuses_images_that_are_not_there(faces: SyntheticFaces, method: str, index: int) -> None:
    with pytest.raises(IndexError, match=rf"in \[0, 11\], got {index}"):
        getattr(faces, method)(index)
