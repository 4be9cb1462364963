"""CelebAMask-HQ: parts become labels of the image's size, lists choose, what is missing is named."""

import re
from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.sources import CelebAMaskHQ, MaskHull
from tests.helpers.labelled_sets import Pixels, face_and_bar, write_celebamask, write_mask

PARTS = "CelebAMask-HQ-mask-anno"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_celebamask(tmp_path)


def large(marked: Pixels) -> Pixels:
    return marked.repeat(2, 0).repeat(2, 1)


def test_parts_of_the_face_are_0_and_all_else_is_ignored(root: Path) -> None:
    faces = CelebAMaskHQ(root)
    for index in range(4):
        _, face, bar = face_and_bar(index)
        labels = faces.label_map(index)
        assert labels.shape == faces.image(index).shape[:2] == (128, 128)
        assert np.array_equal(
            labels == 0, large(face & ~bar) | (large(np.pad(np.ones((6, 6), bool), (30, 28))) & large(~bar))
        )
        assert (labels[labels != 0] == 255).all()


def test_glasses_are_occluders_where_they_are_asked_for_and_hair_never_is(root: Path) -> None:
    faces = CelebAMaskHQ(root, occluders=["eye_g"])
    for index in range(4):
        _, _, bar = face_and_bar(index)
        assert np.array_equal(faces.label_map(index) == 1, large(bar))
    within = CelebAMaskHQ(root, region=MaskHull())
    hair = large(np.pad(np.ones((12, 64), bool), ((0, 52), (0, 0))))
    for index in range(4):
        assert not (within.label_map(index)[hair] == 1).any()


def test_a_list_of_images_without_occlusion_names_them_by_number(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "free.txt"
    table.write_text("00003\n0.jpg\n")
    faces = CelebAMaskHQ(root, images_of=table)
    assert [faces.name(index) for index in range(len(faces))] == ["3.jpg", "0.jpg"]
    table.write_text("7\n")
    with pytest.raises(DataError, match=r"free\.txt: expected images of .*, got 1 that are not there: 7"):
        CelebAMaskHQ(root, images_of=table)


def test_what_has_no_partner_is_named_or_left_out(root: Path) -> None:
    (root / PARTS / "0/00001_skin.png").unlink()
    (root / "CelebA-HQ-img/2.jpg").unlink()
    said = (
        f"got 5 without: CelebA-HQ-img/1.jpg, {PARTS}/1/00002_eye_g.png, {PARTS}/1/00002_hair.png, "
        f"{PARTS}/1/00002_nose.png, {PARTS}/1/00002_skin.png"
    )
    with pytest.raises(DataError, match=re.escape(said)):
        CelebAMaskHQ(root)
    faces = CelebAMaskHQ(root, allow_missing=True)
    assert [faces.name(index) for index in range(len(faces))] == ["0.jpg", "3.jpg"]


def test_refuses_parts_that_do_not_fit_come_twice_or_cover_nothing(root: Path) -> None:
    write_mask(root / PARTS / "0/00001_skin.png", np.ones((64, 32), bool))
    with pytest.raises(DataError, match=r"00001_skin\.png: expected a mask of its image's size 128 × 128, got 32 × 64"):
        CelebAMaskHQ(root).label_map(1)
    write_mask(root / PARTS / "9/00001_skin.png", np.ones((64, 64), bool))
    with pytest.raises(DataError, match=r"expected one file of each part of image 1, got 0/00001_skin\.png as well"):
        CelebAMaskHQ(root)
    with pytest.raises(ValueError, match=r"Expected `occluders` among eye_g, .*, got 'skin'"):
        CelebAMaskHQ(root, occluders=["skin"])
