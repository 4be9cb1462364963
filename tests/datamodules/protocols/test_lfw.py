"""LFW: each distinct image once, pairs as the file has them; nothing that is missing is passed over."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols.lfw import lfw_pairs
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.face_source import FaceSource
from tests.datamodules.protocols.lfw_files import pair_lines, write_images, write_lines

REAL = Path(__file__).parents[3] / "../shared/faces"


def assert_holds_the_pairs(protocol: EvaluationProtocol, lines: list[str]) -> None:
    pairs, source = protocol.verification["all"], protocol.source
    assert len(pairs) == len(lines)
    for line, first, second, same in zip(lines, pairs.first, pairs.second, pairs.same, strict=True):
        fields = line.split()
        name, number = (fields[2], fields[3]) if len(fields) == 4 else (fields[0], fields[2])
        assert Path(source.name(first)).stem == f"{fields[0]}_{int(fields[1]):04d}"
        assert Path(source.name(second)).stem == f"{name}_{int(number):04d}"
        assert same == (len(fields) == 3)
    assert_array_equal(source.identities[pairs.first] == source.identities[pairs.second], pairs.same)


def test_every_distinct_image_is_there_once(tmp_path: Path) -> None:
    lines = pair_lines(folds=10, half=2)
    protocol = lfw_pairs(
        write_images(tmp_path / "lfw", folds=10, half=2), str(write_lines(tmp_path, ["10\t2", *lines]))
    )
    assert isinstance(protocol.source, FaceSource)
    assert (protocol.name, protocol.missing, protocol.identification) == ("lfw", (), {})
    assert_holds_the_pairs(protocol, lines)
    assert len(protocol.source) == 10 * (3 + 2)
    assert protocol.source.identity_names == tuple(f"P{fold}{letter}" for fold in range(10) for letter in "ab")
    assert protocol.verification["all"].fold.tolist() == [fold for fold in range(10) for _ in range(4)]


@pytest.mark.parametrize("extension", ["jpg", "JPG", "png", "bmp"])
def test_finds_images_of_any_extension(tmp_path: Path, extension: str) -> None:
    root = write_images(tmp_path / "lfw", folds=1, half=2, extension=extension)
    (root / "P0a" / "P0a_0001.txt").write_text("no image")
    protocol = lfw_pairs(root, write_lines(tmp_path, ["2", *pair_lines(folds=1, half=2)]))
    assert protocol.name == "lfw_development"
    assert protocol.verification["all"].folds == 1
    assert protocol.source.name(0) == f"P0a/P0a_0001.{extension}"
    assert protocol.source.image(0).shape == (8, 8, 3)


def test_refuses_missing_images_and_lists_them_all(tmp_path: Path) -> None:
    root = write_images(tmp_path / "lfw", folds=10, half=2)
    (root / "P3a" / "P3a_0002.png").unlink()
    for path in (root / "P0b").iterdir():
        path.unlink()
    (root / "P0b").rmdir()
    table = write_lines(tmp_path, ["10 2", *pair_lines(folds=10, half=2)])
    with pytest.raises(DataError) as caught:
        lfw_pairs(root, table)
    expected = f"{table}: expected all of its images in {root}, got none of 3: "
    assert str(caught.value) == expected + "P0b/P0b_0001, P0b/P0b_0002, P3a/P3a_0002"


def test_refuses_many_missing_images_in_one_line(tmp_path: Path) -> None:
    table = write_lines(tmp_path, ["10 2", *pair_lines(folds=10, half=2)])
    (tmp_path / "lfw").mkdir()
    with pytest.raises(DataError, match=r"got none of 50: P0a/P0a_0001, .*, P3b/P3b_0002 and 30 more$") as caught:
        lfw_pairs(tmp_path / "lfw", table)
    assert str(caught.value).partition("got none")[2].count(", ") == 19


def test_pairs_may_be_left_out_but_are_counted(tmp_path: Path) -> None:
    root = write_images(tmp_path / "lfw", folds=10, half=2)
    (root / "P3a" / "P3a_0002.png").unlink()
    lines = pair_lines(folds=10, half=2)
    protocol = lfw_pairs(root, write_lines(tmp_path, ["10 2", *lines]), allow_missing=True)
    kept = [line for line in lines if not (line.startswith("P3a") and "2" in line.split("\t"))]
    assert_holds_the_pairs(protocol, kept)
    assert protocol.verification["all"].fold.tolist() == [f for f in range(10) for _ in range(1 if f == 3 else 4)]
    assert protocol.missing == (
        "line 14: P3a/P3a_0001 and P3a/P3a_0002: no image of P3a/P3a_0002",
        "line 15: P3a/P3a_0002 and P3a/P3a_0003: no image of P3a/P3a_0002",
        "line 17: P3a/P3a_0002 and P3b/P3b_0002: no image of P3a/P3a_0002",
    )


def test_refuses_to_leave_a_whole_fold_out(tmp_path: Path) -> None:
    root = write_images(tmp_path / "lfw", folds=10, half=2)
    for path in (root / "P3a").iterdir():
        path.unlink()
    table = write_lines(tmp_path, ["10 2", *pair_lines(folds=10, half=2)])
    with pytest.raises(DataError, match=r"expected a pair left in every fold, got none in fold 4"):
        lfw_pairs(root, table, allow_missing=True)


def test_refuses_two_files_of_one_image(tmp_path: Path) -> None:
    root = write_images(tmp_path / "lfw", folds=1, half=2)
    (root / "P0a" / "P0a_0001.jpg").write_bytes(b"")
    table = write_lines(tmp_path, ["2", *pair_lines(folds=1, half=2)])
    with pytest.raises(DataError, match=r"one file of P0a/P0a_0001, got P0a/P0a_0001\.jpg and P0a/P0a_0001\.png"):
        lfw_pairs(root, table)


def test_refuses_a_root_that_is_no_folder(tmp_path: Path) -> None:
    table = write_lines(tmp_path, ["2", *pair_lines(folds=1, half=2)])
    with pytest.raises(DataError, match="none: expected a folder of images, got nothing"):
        lfw_pairs(tmp_path / "none", table, allow_missing=True)
    with pytest.raises(DataError, match=r"pairs\.txt: expected a folder of images, got a file"):
        lfw_pairs(table, table)


@pytest.mark.skipif(not REAL.exists(), reason="LFW is not here")
@pytest.mark.parametrize("header", [True, False])
def test_lfw_itself_has_6000_pairs_of_7701_images_in_10_folds(tmp_path: Path, header: bool) -> None:
    lines = (REAL / "lfw_pairs.txt").read_text().splitlines()
    protocol = lfw_pairs(REAL / "lfw", write_lines(tmp_path, lines if header else lines[1:]))
    assert_holds_the_pairs(protocol, lines[1:])
    assert len(protocol.source) == 7701
    pairs = protocol.verification["all"]
    assert_array_equal(pairs.fold, np.repeat(np.arange(10), 600))
    assert_array_equal(np.bincount(pairs.fold, weights=pairs.same), np.full(10, 300))
