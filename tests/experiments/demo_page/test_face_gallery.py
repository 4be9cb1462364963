"""A gallery is of folders that were allowed alone, of as many images as it bears, and finds who is most alike."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from experiments.demo_page.face_crops import FaceCropper
from experiments.demo_page.face_gallery import chosen_folder, enrolled, images_of, searched
from experiments.demo_page.pair_comparison import compare, picture
from experiments.demo_page.photographs import read_photograph
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


@pytest.mark.parametrize("text", ["/etc", "..", "people/../..", "people/out", "nobody", "", "people\0/x", "/"])
def test_folders_outside_of_those_allowed_are_refused_however_they_are_named(people: Path, text: str) -> None:
    (people / "out").symlink_to("/etc")
    with pytest.raises(DataError, match="Expected"):
        chosen_folder(text, [people])


@pytest.mark.parametrize("text", ["people", "people/3", "3", " people "])
def test_folders_below_those_allowed_are_found_by_name(people: Path, text: str) -> None:
    assert chosen_folder(text, [people]).is_relative_to(people)


def test_a_folder_that_was_given_from_here_is_found_as_it_was_given(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(people.parent.parent)
    given = people.relative_to(people.parent.parent)
    assert chosen_folder(str(given), [given]) == people


def test_the_face_itself_comes_first_and_what_cannot_be_read_is_left_out_and_said(people: Path) -> None:
    (people / "3" / "broken.jpg").write_bytes(b"%PDF")
    gallery = enrolled(people, face_model(), crop)
    found = searched(gallery, picture(noise(7)), face_model(), face_model(), crop)
    assert len(gallery.names) == 10
    assert ["3/broken.jpg" in line and "PDF" in line for line in gallery.left_out] == [True]
    assert found.plain[0].name == "7/face.png"
    assert found.plain[0].score == pytest.approx(1, abs=1e-5)
    assert [one.score for one in found.plain] == sorted((one.score for one in found.plain), reverse=True)


def test_candidates_have_the_matched_score_and_one_person_covered_alike_looks_the_same(people: Path) -> None:
    probe, model = noise(4), face_model()
    probe[:, : SIDE // 2] = 0
    gallery = enrolled(people, model, crop)
    found = searched(gallery, picture(probe), model, model, crop)
    own = compare(model, model, picture(noise(4)), picture(probe))
    assert found.reranked is not None
    assert max(one.score for one in found.reranked) == found.reranked[0].score
    others = [compare(model, model, picture(noise(k)), picture(probe)).matched or 0.0 for k in range(10)]
    assert [one.score for one in found.reranked] == pytest.approx(sorted(others, reverse=True)[:5], abs=1e-5)
    assert own.matched == pytest.approx((own.plain + 1) / 2, abs=1e-5)


def test_without_a_segmenter_nothing_is_reranked(people: Path) -> None:
    model = face_model(Quarters())
    assert searched(enrolled(people, model, crop), picture(noise(0)), model, None, crop).reranked is None


def test_a_gallery_of_another_model_is_refused(people: Path) -> None:
    gallery = enrolled(people, face_model(name="one"), crop)
    with pytest.raises(DataError, match="Expected a gallery of other, got one of one"):
        searched(gallery, picture(noise(0)), face_model(name="other"), None, crop)


def test_too_many_images_are_refused_before_one_is_read_and_links_lead_nowhere(people: Path) -> None:
    with pytest.raises(DataError, match="people: expected at most 9 images in a gallery, got more"):
        images_of(people, most=9)
    (people / "link.png").symlink_to("/etc/hostname")
    (people / "linked").symlink_to(people / "0")
    assert len(images_of(people)) == 10


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder with images, got none"):
        images_of(tmp_path)


def test_the_middle_square_is_taken_where_no_detector_is_and_small_images_are_refused() -> None:
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 255
    assert FaceCropper()(image, 20, name="x", finds=True, alignment="arcface").min() == 255
    with pytest.raises(DataError, match="x: expected a face of at least 16 × 16 pixels, got 60 × 15"):
        FaceCropper()(image[:15], 20, name="x", finds=False, alignment="arcface")


def test_a_detector_that_finds_nothing_is_said() -> None:
    with pytest.raises(DataError, match="x: expected a face, the detector found none"):
        FaceCropper(lambda image: None)(np.zeros((40, 40, 3), np.uint8), 32, name="x", finds=True, alignment="lfw")
