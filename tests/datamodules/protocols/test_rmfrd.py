"""RMFRD in its own layout: two folders of people, whatever lies about them."""

import shutil
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.protocols import rmfrd, rmfrd_faces
from datamodules.protocols.published_counts import Published
from tests.datamodules.protocols.people_files import write_worn

BARE, MASKED = "AFDB_face_dataset", "AFDB_masked_face_dataset"
COUNTS = {BARE: {f"p {n:02}": 3 for n in range(12)}, MASKED: {**{f"p {n:02}": 2 for n in range(11)}, "lone": 1}}


def test_people_are_compared_with_and_without_masks(tmp_path: Path) -> None:
    write_worn(tmp_path / "self-built-masked-face-recognition-dataset", COUNTS)
    (tmp_path / "note.txt").write_text("no image")
    shutil.copy(next(tmp_path.rglob("*.jpg")), next(tmp_path.glob("*/" + MASKED)) / "stray.JPG")
    protocol = rmfrd_faces(tmp_path, allow_other_counts=True)
    assert protocol.name == "rmfrd"
    assert {name: len(pairs) for name, pairs in protocol.verification.items()} == {
        "masked-masked": 22,
        "masked-unmasked": 44,
        "unmasked-unmasked": 48,
    }
    assert {name: len(faces.probes) for name, faces in protocol.identification.items()} == {
        "masked": 22,
        "unmasked": 24,
    }
    assert protocol.replicates > 0
    assert protocol.missing[:3] == (
        "525 people are published, here are 13",
        "about 5,000 masked images are published, here are 23",
        "about 90,000 unmasked images are published, here are 36",
    )
    assert protocol.missing[3].endswith(f"{MASKED}/stray.JPG: in no person's folder")
    assert protocol.missing[4] == "lone: no unmasked image beside 1 others"


def test_other_counts_are_refused_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_worn(tmp_path, COUNTS)
    message = (
        r"expected, as published, 525 people, got 13; about 5,000 masked .*; about 90,000 .*, got 36; --allow-other-"
    )
    with pytest.raises(DataError, match=message):
        rmfrd_faces(tmp_path)
    published = {"people": Published(13), "masked images": Published(20, rounded=10), "unmasked images": Published(36)}
    monkeypatch.setattr(rmfrd, "PUBLISHED", published)
    assert rmfrd_faces(tmp_path).missing == ("lone: no unmasked image beside 1 others",)


@pytest.mark.parametrize("folder", [BARE, MASKED])
def test_refuses_a_root_without_one_of_the_folders(tmp_path: Path, folder: str) -> None:
    write_worn(tmp_path, {folder: COUNTS[folder]})
    absent = MASKED if folder == BARE else BARE
    with pytest.raises(DataError, match=f"expected images of people in .*, got none in {absent}$"):
        rmfrd_faces(tmp_path)
