"""Folders of photographs and masks: labels by hand, partners by path or name, what is missing is named."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonargparse import ArgumentParser

from datamodules.errors import DataError
from datamodules.seams import FaceSource, LabelMaps
from datamodules.sources import COFW, LandmarkEllipse, MaskFolders, RealOcc
from datamodules.sources.labelled.crop_square import CropSquare
from tests.helpers.faces_on_disk import encode
from tests.helpers.labelled_sets import face_and_bar, write_mask, write_masks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_masks(tmp_path / "COFW", 6)


def test_the_visible_face_is_0_what_covers_it_1_and_hair_and_background_are_ignored(root: Path) -> None:
    faces = COFW(root)
    assert isinstance(faces, FaceSource)
    assert isinstance(faces, LabelMaps)
    for index in range(6):
        _, face, bar = face_and_bar(index + 1)
        labels = faces.label_map(index)
        assert labels.shape == faces.image(index).shape[:2]
        assert np.array_equal(labels == 0, face & ~bar)
        assert set(np.unique(labels[~face])) <= {1, 255}
        assert (labels[~face] == 255).all() if not bar.any() else (labels[~face] == 255).mean() > 0.97
        assert (labels[face & bar] == 1).sum() >= 0.9 * (face & bar).sum()
        assert (faces.kind(index), faces.name(index)) == ("real", f"{index + 1:04d}.jpg")


def test_each_image_is_a_person_of_its_own_unless_its_name_says_whom_it_shows(root: Path) -> None:
    assert COFW(root).identities.tolist() == list(range(6))
    faces = COFW(root, person="(000[12])")
    assert list(faces.identity_names) == ["0001", "0002", "0003.jpg", "0004.jpg", "0005.jpg", "0006.jpg"]
    assert COFW(root, person="^(.)").identities.tolist() == [0] * 6
    with pytest.raises(ValueError, match=r"Expected `person` with a group, such as '\(\[\^/\]\+\)/', got 'a'"):
        COFW(root, person="a")
    with pytest.raises(ValueError, match="Expected `person` to be a regular expression"):
        COFW(root, person="(")


def test_masks_of_class_numbers_upper_case_and_sub_folders_are_found(tmp_path: Path, root: Path) -> None:
    white = [COFW(root).label_map(index) for index in range(6)]
    other = write_masks(tmp_path / "RealOcc", 6, images="image", white=1)
    for path in sorted((other / "image").iterdir()):
        path.rename(path.with_suffix(".JPG"))
    for number, path in enumerate(sorted((other / "mask").iterdir())):
        folder = other / "mask" / f"part{number % 2}"
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.with_suffix(".PNG").name)
    faces = RealOcc(other)
    assert [faces.name(index) for index in range(6)] == [f"{index + 1:04d}.JPG" for index in range(6)]
    assert all(np.array_equal(faces.label_map(index), white[index]) for index in range(6))


def test_partners_share_their_path_where_names_alone_would_not_tell(tmp_path: Path) -> None:
    for person, folder in enumerate(("Ada", "Bob")):
        image, face, bar = face_and_bar(person + 1)
        (tmp_path / "img" / folder).mkdir(parents=True)
        (tmp_path / "img" / folder / "1.jpg").write_bytes(encode(image))
        write_mask(tmp_path / "mask" / folder / "1.png", face & ~bar)
    faces = COFW(tmp_path, person="([^/]+)/")
    assert list(faces.identity_names) == ["Ada", "Bob"]
    assert not np.array_equal(faces.label_map(0), faces.label_map(1))


def test_all_that_has_no_partner_is_named_in_one_line_or_left_out(root: Path) -> None:
    (root / "mask/0002.png").unlink()
    (root / "img/0005.jpg").unlink()
    said = "expected a mask of every image and an image of every mask, got 2 without: img/0002.jpg, mask/0005.png"
    with pytest.raises(DataError, match=f"^{re.escape(str(root))}: {said}$"):
        COFW(root)
    faces = COFW(root, allow_missing=True)
    assert faces.missing == ("img/0002.jpg", "mask/0005.png")
    assert [faces.name(index) for index in range(len(faces))] == ["0001.jpg", "0003.jpg", "0004.jpg", "0006.jpg"]


@pytest.mark.parametrize(
    ("shape", "said"), [((64, 32), "its image's size 64 × 64, got 32 × 64"), ((32, 32), "64 × 64, got 32 × 32")]
)
def test_masks_of_another_size_are_refused(root: Path, shape: tuple[int, int], said: str) -> None:
    write_mask(root / "mask/0003.png", np.ones(shape, bool))
    with pytest.raises(DataError, match=rf"mask/0003\.png: expected a mask of .*{said}"):
        COFW(root).label_map(2)


def test_an_empty_mask_is_refused_where_it_has_to_say_where_the_face_is_else_all_is_covered(root: Path) -> None:
    write_mask(root / "mask/0003.png", np.zeros((64, 64), bool))
    with pytest.raises(DataError, match=r"0003\.jpg: expected a visible face in its mask, got an empty mask"):
        COFW(root).label_map(2)
    labels = COFW(root, region=LandmarkEllipse("arcface")).label_map(2)
    assert set(np.unique(labels)) == {1, 255}


def test_masks_may_mark_what_covers_the_face(root: Path, tmp_path: Path) -> None:
    for number in range(1, 7):
        write_mask(root / "covers" / f"{number:04d}_bar.png", face_and_bar(number)[2])
    settings: dict[str, Any] = {"masks": "covers", "mask_suffix": "_bar", "marks_occluder": True}
    faces = MaskFolders(root, region=LandmarkEllipse("arcface"), **settings)
    for index in range(6):
        bar, labels = face_and_bar(index + 1)[2], faces.label_map(index)
        region = labels != 255
        assert region.any()
        assert np.array_equal(labels == 1, bar & region)
    with pytest.raises(ValueError, match="Expected `region` with `marks_occluder`"):
        MaskFolders(root, **settings)
    with pytest.raises(DataError, match=r"got 6 without: img/0001\.jpg"):
        MaskFolders(root, **{**settings, "mask_suffix": "_other"}, region=LandmarkEllipse("arcface"))


def test_a_list_chooses_images_in_its_order(root: Path, tmp_path: Path) -> None:
    listed = tmp_path / "val.txt"
    listed.write_text("0004\n0002.jpg\n\n")
    faces = COFW(root, images_of=listed)
    assert [faces.name(index) for index in range(len(faces))] == ["0004.jpg", "0002.jpg"]
    for content, said in {
        "0009\n": r"1 that are not there: 0009",
        "": "got an empty file",
        "0001\n0001.jpg\n": "every image once, got again 0001",
    }.items():
        listed.write_text(content)
        with pytest.raises(DataError, match=rf"val\.txt: expected .*{said}"):
            COFW(root, images_of=listed)


def test_a_table_says_what_covers_whom(root: Path, tmp_path: Path) -> None:
    table = tmp_path / "kinds.csv"
    table.write_text("image;occluder;who\n0001.jpg;hand;a\n0004;phone;b\n")
    faces = COFW(root, kinds=table)
    assert [faces.kind(index) for index in range(6)] == ["hand", "real", "real", "phone", "real", "real"]
    for content, said in {
        "image,what\n0001,hand\n": "the columns image, occluder, got 'image,what'",
        "image,occluder\n0001,hand\n0001.jpg,cup\n": "line 3: expected every image once, got '0001.jpg' again",
        "image,occluder\n0001,none\n": "line 2: expected conditions named other than none",
    }.items():
        table.write_text(content)
        with pytest.raises(DataError, match=re.escape(said)):
            COFW(root, kinds=table)


def test_a_square_around_the_face_is_cut_out_and_ignored_beyond_the_photograph(tmp_path: Path) -> None:
    image, face, bar = face_and_bar(1)
    wide = np.zeros((64, 200, 3), np.uint8)
    wide[:, 130:194] = image
    mask = np.zeros((64, 200), bool)
    mask[:, 130:194] = face & ~bar
    (tmp_path / "img").mkdir()
    (tmp_path / "img/a.png").write_bytes(encode(wide, "png"))
    write_mask(tmp_path / "mask/a.png", mask)
    table = tmp_path / "points.csv"
    table.write_text("a.png,150,30,170,30,160,40,152,50,168,50\n")
    faces = COFW(tmp_path, crop=CropSquare(1.5), landmarks=table)
    cut, labels, points = faces.image(0), faces.label_map(0), faces.landmarks(0)
    assert cut.shape[:2] == labels.shape == (80, 80)  # 1.5 times the 53 rows of the face
    assert int((labels == 0).sum()) == int(mask.sum())
    assert ((labels == 255).all(1) & (cut == 0).all((1, 2))).sum() == 80 - 64
    rows, columns = np.nonzero(labels == 0)
    first_row, first_column = (int(where.min()) for where in np.nonzero(mask))
    shift = np.array([columns.min() - first_column, rows.min() - first_row])
    assert points is not None
    assert np.allclose(points, np.array([(150, 30), (170, 30), (160, 40), (152, 50), (168, 50)]) + shift)
    assert (cut[labels == 0] == wide[mask]).all()
    with pytest.raises(ValueError, match=r"Expected `margin` of at least 1, got 0\.5"):
        CropSquare(0.5)


def test_refuses_folders_without_images_and_two_files_of_a_name(tmp_path: Path, root: Path) -> None:
    with pytest.raises(DataError, match="img: expected a folder of images, got No such file"):
        COFW(tmp_path / "nothing")
    for folder in ("img", "mask"):
        (tmp_path / "empty" / folder).mkdir(parents=True)
    with pytest.raises(DataError, match="empty/img: expected images with masks, got none"):
        COFW(tmp_path / "empty")
    (root / "img/0001.png").write_bytes((root / "img/0002.jpg").read_bytes())
    with pytest.raises(DataError, match=r"expected one file of a name, got 0001\.jpg and 0001\.png"):
        COFW(root)
    with pytest.raises(ValueError, match="Expected `threshold` from 1 to 255, got 0"):
        COFW(root, threshold=0)


def test_configurations_name_the_reader_and_its_region(root: Path) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--source", type=FaceSource)
    region = {"class_path": "datamodules.sources.LandmarkEllipse", "init_args": {"landmarks": "arcface"}}
    for reader, settings in (("COFW", {}), ("RealOcc", {"images": "img"}), ("MaskFolders", {"images": "img"})):
        node = {"class_path": f"datamodules.sources.{reader}", "init_args": {"root": str(root), "region": region}}
        node["init_args"].update(settings)  # type: ignore[attr-defined]  # of a mapping
        built = parser.instantiate(parser.parse_object({"source": node})).source
        assert isinstance(built.region, LandmarkEllipse)


def test_a_face_is_found_and_cut_out_by_the_same_landmarks(tmp_path: Path) -> None:
    """The region's landmarks are of the photograph as it is stored, whatever is cut out of it."""
    root = write_masks(tmp_path / "COFW", 2)
    table = tmp_path / "points.csv"
    table.write_text("".join(f"000{number}.jpg,22,26,42,26,32,38,25,50,39,50\n" for number in (1, 2)))
    whole = COFW(root, region=LandmarkEllipse(), landmarks=table)
    cut = COFW(root, region=LandmarkEllipse(), landmarks=table, crop=CropSquare(1.2))
    one, other = whole.label_map(0), cut.label_map(0)
    for label in (0, 1):
        assert (one == label).sum() == (other == label).sum()
    points, moved = whole.landmarks(0), cut.landmarks(0)
    assert points is not None
    assert moved is not None
    assert np.ptp(moved - points, axis=0) == pytest.approx([0, 0], abs=1e-4)


def test_a_table_of_occluders_takes_names_with_dots_and_refuses_those_of_no_image(root: Path, tmp_path: Path) -> None:
    for folder, ending in (("img", "jpg"), ("mask", "png")):
        (root / folder / f"0001.{ending}").rename(root / folder / f"v1.5.{ending}")
    table = tmp_path / "kinds.csv"
    table.write_text("image,occluder\nv1.5,hand\n")
    faces = COFW(root, kinds=table)
    assert [faces.kind(index) for index in range(6) if faces.name(index) == "v1.5.jpg"] == ["hand"]
    table.write_text("image,occluder\n0002,hand\n0020,cup\n")
    with pytest.raises(DataError, match=r"kinds.csv: expected images that are there, got 1 that are not: 0020"):
        COFW(root, kinds=table)
    table.write_text("image,occluder\n0002,hand\n")
    listed = tmp_path / "val.txt"
    listed.write_text("0003\n")
    assert len(COFW(root, kinds=table, images_of=listed)) == 1  # a table of all images serves a part of them, too
