"""People's own pairs: as the table has them, each distinct image once."""

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols.csv_pairs import csv_pairs
from datamodules.seams.face_source import FaceSource
from tests.helpers.faces_on_disk import write_image_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "faces", {"ann": 3, "bea": 2}, size=(8, 8))


def write(root: Path, *rows: str, header: str = "first,second,same") -> Path:
    path = root.parent / "own.csv"
    path.write_text("\n".join([header, *rows]).replace("%", "_000").replace("!", ".jpg"))
    return path


ROWS = (
    "ann/ann%1!,ann/ann%2!,1",
    "ann/ann%1!,bea/bea%1!,0",
    "./bea/bea%1!,bea//bea%2!,TRUE",
    "bea/bea%2!,ann/ann%2!,False",
)


def test_holds_the_pairs_of_the_table(root: Path) -> None:
    protocol = csv_pairs(str(root), str(write(root, *ROWS)))
    pairs, source = protocol.verification["all"], protocol.source
    assert isinstance(source, FaceSource)
    assert (protocol.name, protocol.missing, len(source)) == ("own", (), 4)
    names = [source.name(index) for index in range(4)]
    assert [names[index] for index in pairs.first] == [
        f"{name}.jpg" for name in ("ann/ann_0001",) * 2 + ("bea/bea_0001", "bea/bea_0002")
    ]
    assert [names[index] for index in pairs.second] == [
        f"{n}.jpg" for n in ("ann/ann_0002", "bea/bea_0001", "bea/bea_0002", "ann/ann_0002")
    ]
    assert_array_equal(pairs.same, [True, False, True, False])
    assert pairs.folds == 1
    assert_array_equal(np.sort(source.identities), np.arange(4))
    assert source.image(0).shape == (8, 8, 3)


def test_folds_are_numbered_in_ascending_order(root: Path) -> None:
    rows = [f"{fold};{row}".replace(",", ";") for fold, row in zip((10, 2, 10, 7), ROWS, strict=True)]
    assert csv_pairs(root, write(root, *rows, header="fold;first;second;same")).verification["all"].fold.tolist() == [
        2,
        0,
        2,
        1,
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("ann/ann%1!,ann/ann%3!,2", "line 3: expected `same` to be 1, 0, true or false, got '2'"),
        ("ann/ann%1!,ann/ann%3!,", "line 3: expected `same` to be 1, 0, true or false, got ''"),
        ("ann/ann%1!,ann/../ann%3!,1", "line 3: expected a path below the root, got 'ann/../ann_0003.jpg'"),
        ("ann/ann%1!,./ann/ann%1!,1", "line 3: expected two images, got ann/ann_0001.jpg twice"),
        (
            "ann/ann%2!,ann/ann%1!,0",
            "line 3: expected every pair once, got ann/ann_0002.jpg and ann/ann_0001.jpg again, as in line 2",
        ),
        ("ann/ann%1!,ann/ann%3!", "line 3: expected 3 fields, got 2"),
    ],
)
def test_refuses_a_malformed_row(root: Path, row: str, expected: str) -> None:
    path = write(root, ROWS[0], row)
    with pytest.raises(DataError, match=re.escape(f"{path}: {expected}")):
        csv_pairs(root, path)


@pytest.mark.parametrize("fold", ["", "-1", "1.0", "x", "²", "1234567890"])
def test_refuses_a_fold_that_is_no_number(root: Path, fold: str) -> None:
    path = write(root, f"{ROWS[0]},{fold}", header="first,second,same,fold")
    with pytest.raises(DataError, match=re.escape(f"line 2: expected `fold` to be a whole number, got {fold!r}")):
        csv_pairs(root, path)


def test_missing_images_are_refused_or_counted(root: Path) -> None:
    (root / "ann/ann_0002.jpg").unlink()
    path = write(root, *ROWS, "gone!,bea/bea%1!,0")
    with pytest.raises(
        DataError, match=r"expected all of its images in .*, got none of 2: ann/ann_0002\.jpg, gone\.jpg$"
    ):
        csv_pairs(root, path)
    protocol = csv_pairs(root, path, allow_missing=True)
    assert len(protocol.verification["all"]) == 2
    assert protocol.missing == (
        "line 2: ann/ann_0001.jpg and ann/ann_0002.jpg: no image of ann/ann_0002.jpg",
        "line 5: bea/bea_0002.jpg and ann/ann_0002.jpg: no image of ann/ann_0002.jpg",
        "line 6: gone.jpg and bea/bea_0001.jpg: no image of gone.jpg",
    )


def test_a_condition_is_counted_beside_all(root: Path) -> None:
    rows = [
        f"{row},{fold},{condition}"
        for row, fold, condition in zip(ROWS, (0, 1, 1, 2), ("mask", "", "mask", "cap"), strict=True)
    ]
    found = csv_pairs(root, write(root, *rows, header="first,second,same,fold,condition")).verification
    assert {condition: len(pairs) for condition, pairs in found.items()} == {"all": 4, "mask": 2, "cap": 1}
    assert found["all"].fold.tolist() == [0, 1, 1, 2]
    assert found["mask"].fold.tolist() == [0, 1]
    assert found["mask"].same.tolist() == [True, True]


@pytest.mark.parametrize("name", ["all", "none", "a/b"])
def test_refuses_a_condition_that_is_another_name(root: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"own.csv: line 2: expected .*condition"):
        csv_pairs(root, write(root, f"{ROWS[0]},{name}", header="first,second,same,condition"))
