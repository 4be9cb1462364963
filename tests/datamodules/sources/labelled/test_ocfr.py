"""OCFR: JPEG masks by a threshold, occluders put on faces, people by their names."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.sources import OCFR
from tests.helpers.labelled_sets import face_and_bar, write_mask, write_ocfr


def test_dark_is_an_occluder_the_rest_of_the_face_is_visible_and_beyond_it_nothing_counts(tmp_path: Path) -> None:
    faces = OCFR(write_ocfr(tmp_path, alone=False) / "occlusions_1")
    assert [faces.name(index) for index in range(4)] == [
        f"{name}/{name}_{number:04d}_occlusion.jpg" for name, number in (("Ada", 1), ("Ada", 3), ("Bob", 2), ("Bob", 4))
    ]
    assert (list(faces.identity_names), faces.identities.tolist()) == (["Ada", "Bob"], [0, 0, 1, 1])
    for index, number in enumerate((1, 3, 2, 4)):
        bar, labels = face_and_bar(number, 112)[2], faces.label_map(index)
        region = labels != 255
        assert 0.3 < region.mean() < 0.5
        assert not region[0].any()
        assert ((labels == 1) == (bar & region)).mean() > 0.99  # compressed with loss
        assert (labels == 1).any() == bar.any()


def test_occluders_on_black_are_put_on_their_faces(tmp_path: Path) -> None:
    root = write_ocfr(tmp_path)
    faces = OCFR(root / "occlusions_1", faces=root / "faces")
    for index, number in enumerate((1, 3, 2, 4)):
        expected = face_and_bar(number, 112)[0].astype(int)
        assert np.abs(faces.image(index).astype(int) - expected).mean() < 12  # noise that was compressed
    with pytest.raises(DataError, match="expected a face, got an occluder on black: `faces` names the folder"):
        OCFR(root / "occlusions_1")


def test_what_has_no_partner_is_named_or_left_out(tmp_path: Path) -> None:
    root = write_ocfr(tmp_path, alone=False)
    (root / "occlusions_1/Ada/Ada_0001_occlusion_mask.jpg").unlink()
    (root / "occlusions_1/Bob/Bob_0002_occlusion.jpg").unlink()
    (root / "faces/Ada/Ada_0003.jpg").unlink()
    said = "got 2 without: Ada/Ada_0001_occlusion.jpg, Bob/Bob_0002_occlusion_mask.jpg"
    with pytest.raises(DataError, match=said):
        OCFR(root / "occlusions_1")
    with pytest.raises(
        DataError, match=r"a mask and a face in .*got 3 without: Ada/Ada_0001_occlusion\.jpg, Ada/Ada_0003_"
    ):
        OCFR(root / "occlusions_1", faces=root / "faces")
    assert len(OCFR(root / "occlusions_1", allow_missing=True)) == 2


def test_a_mask_of_no_occluder_leaves_the_face_uncovered_and_of_another_size_is_refused(tmp_path: Path) -> None:
    root = write_ocfr(tmp_path, alone=False) / "occlusions_1"
    write_mask(root / "Ada/Ada_0001_occlusion_mask.jpg", np.ones((112, 112), bool))
    assert set(np.unique(OCFR(root).label_map(0))) == {0, 255}
    write_mask(root / "Ada/Ada_0001_occlusion_mask.jpg", np.ones((56, 56), bool))
    with pytest.raises(DataError, match="expected a mask of its image's size 112 × 112, got 56 × 56"):
        OCFR(root)
    with pytest.raises(ValueError, match="Expected `threshold` from 1 to 255, got 0"):
        OCFR(root, threshold=0)
