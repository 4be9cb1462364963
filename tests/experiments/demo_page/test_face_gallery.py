"""A gallery is of folders that were allowed alone, of as many images as it bears, and finds who is most alike."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.face_crops import FaceCropper
from experiments.demo_page.face_gallery import enrolled, searched
from experiments.demo_page.pair_comparison import compare, picture
from experiments.demo_page.photographs import read_photograph
from experiments.demo_page.turns import outcome
from tests.helpers.demo_models import SIDE, Quarters, face_model, noise


def crop(path: Path, name: str) -> UInt8Image:
    """Return an image as the page reads it."""
    return FaceCropper()(read_photograph(path, name=name), SIDE, name=name, finds=False, alignment="arcface")


def write(path: Path, face: torch.Tensor) -> None:
    """Write a face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture(face), cv2.COLOR_RGB2BGR))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Return a folder of ten faces."""
    for number in range(10):
        write(tmp_path / "people" / f"{number}" / "face.png", noise(number))
    return tmp_path / "people"


def test_the_face_itself_comes_first_and_what_cannot_be_read_is_left_out_and_said(people: Path) -> None:
    (people / "3" / "broken.jpg").write_bytes(b"%PDF")
    gallery = outcome(enrolled(people, face_model(), crop))
    found = searched(gallery, picture(noise(7)), face_model(), face_model())
    assert len(gallery.names) == 10
    assert ["3/broken.jpg" in line and "PDF" in line for line in gallery.left_out] == [True]
    assert found.plain[0].name == "7/face.png"
    assert found.plain[0].score == pytest.approx(1, abs=1e-5)
    assert [one.score for one in found.plain] == sorted((one.score for one in found.plain), reverse=True)


def test_candidates_have_the_matched_score_and_one_person_covered_alike_looks_the_same(people: Path) -> None:
    probe, model = noise(4), face_model()
    probe[:, : SIDE // 2] = 0
    found = searched(outcome(enrolled(people, model, crop)), picture(probe), model, model)
    own = compare(model, model, picture(noise(4)), picture(probe))
    assert found.reranked is not None
    assert max(one.score for one in found.reranked) == found.reranked[0].score
    others = [compare(model, model, picture(noise(k)), picture(probe)).matched or 0.0 for k in range(10)]
    assert [one.score for one in found.reranked] == pytest.approx(sorted(others, reverse=True)[:5], abs=1e-5)
    assert own.matched == pytest.approx((own.plain + 1) / 2, abs=1e-5)


def test_without_a_segmenter_nothing_is_reranked(people: Path) -> None:
    model = face_model(Quarters())
    assert searched(outcome(enrolled(people, model, crop)), picture(noise(0)), model, None).reranked is None


def test_a_gallery_of_another_model_is_refused(people: Path) -> None:
    gallery = outcome(enrolled(people, face_model(Quarters(), name="one"), crop))
    with pytest.raises(DataError, match="Expected a gallery of other, got one of one"):
        searched(gallery, picture(noise(0)), face_model(name="other"), None)


def test_the_middle_square_is_taken_where_no_detector_is_and_small_images_are_refused() -> None:
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 255
    assert FaceCropper()(image, 20, name="x", finds=True, alignment="arcface").min() == 255
    with pytest.raises(DataError, match="x: expected a face of at least 16 × 16 pixels, got 60 × 15"):
        FaceCropper()(image[:15], 20, name="x", finds=False, alignment="arcface")


def test_a_detector_that_finds_nothing_is_said() -> None:
    with pytest.raises(DataError, match="x: expected a face, the detector found none"):
        FaceCropper(lambda image: None)(np.zeros((40, 40, 3), np.uint8), 32, name="x", finds=True, alignment="lfw")
