"""ROF in its own layout: crops that its script has made, and pickles that say how many there should be."""

import pickle
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.protocols import rof, rof_faces
from datamodules.protocols.published_counts import Published
from tests.datamodules.protocols.people_files import write_rof_pickles, write_worn

NAMES = [f"person_{number}" for number in range(6)]
COUNTS = {
    "neutral": dict.fromkeys(NAMES, 3),
    "sunglasses": {f"{name}_wearing_sunglasses": 2 for name in NAMES},
    "masked": {f"{name}_wearing_mask": 3 for name in NAMES[:4]},
}


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"people": 6, "neutral faces": 18, "faces with sunglasses": 12, "masked faces": 12}
    monkeypatch.setattr(rof, "PUBLISHED", {what: Published(number) for what, number in numbers.items()})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_rof_pickles(tmp_path / "ROF", COUNTS)
    return write_worn(tmp_path / "images", COUNTS)


def test_masks_and_sunglasses_are_compared_with_bare_faces(root: Path) -> None:
    protocol = rof_faces(root)
    assert (protocol.name, protocol.missing) == ("rof", ())
    assert {name: len(pairs) for name, pairs in protocol.verification.items()} == {
        "masked-masked": 16,
        "masked-unmasked": 24,
        "sunglasses-sunglasses": 12,
        "sunglasses-unmasked": 24,
        "unmasked-unmasked": 24,
    }
    assert {name: len(faces.probes) for name, faces in protocol.identification.items()} == {
        "masked": 12,
        "sunglasses": 12,
        "unmasked": 12,
    }
    assert list(protocol.source.identity_names) == NAMES
    assert set(rof_faces(root.parent).verification) == set(protocol.verification)


@pytest.mark.parametrize("protocol", [0, 2, 3, 5])
def test_pickles_of_every_protocol_are_read(root: Path, tmp_path: Path, protocol: int) -> None:
    folder = write_rof_pickles(tmp_path / "other", COUNTS, protocol=protocol)
    assert rof_faces(root, pickles=folder).missing == ()


def test_faces_that_are_listed_and_not_there_are_named(root: Path) -> None:
    (root / "masked/person_1_wearing_mask/000002.jpg").unlink()
    for crop in (root / "neutral/person_5").iterdir():
        crop.unlink()
    message = r"got none of 2: person_1 \(masked\): 1 of 3 not there, person_5 \(unmasked\): 3 of 3 not there$"
    with pytest.raises(DataError, match=message):
        rof_faces(root)
    assert rof_faces(root, allow_missing=True).missing == (
        "person_1 (masked): 1 of 3 not there",
        "person_5 (unmasked): 3 of 3 not there",
        "person_5: no unmasked image beside 2 others",
    )


def test_more_faces_than_are_listed_are_refused(root: Path) -> None:
    (root / "masked/person_1_wearing_mask/9.jpg").write_bytes((root / "neutral/person_1/000001.jpg").read_bytes())
    with pytest.raises(DataError, match="ROF: expected at most 3 faces of person_1, masked, as it lists, got 4"):
        rof_faces(root)


def test_other_counts_are_refused_unless_told(tmp_path: Path) -> None:
    fewer = {**COUNTS, "masked": {f"{name}_wearing_mask": 3 for name in NAMES[:3]}}
    root = write_worn(tmp_path / "images", fewer)
    with pytest.raises(DataError, match="images: expected, as published, 12 masked faces, got 9; --allow-other-counts"):
        rof_faces(root)
    assert rof_faces(root, allow_other_counts=True).missing == ("12 masked faces are published, here are 9",)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("echo run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param([1], "expected a table of photographs, got list", id="list"),
        pytest.param({"a": {"url": "x"}}, "expected `faces`, a list, of photograph 'a', got NoneType", id="no-faces"),
        pytest.param({"a": 3}, "expected `faces`, a list, of photograph 'a'", id="no-table"),
        pytest.param({"a": {"faces": Evil()}}, "expected a pickle of tables, .* got .*system", id="code"),
        pytest.param({(1, 2): 3}, "got a table by tuple", id="key"),
        pytest.param({2**40: 3}, "got a table by int", id="large-key"),
    ],
)
def test_refuses_a_pickle(root: Path, content: object, message: str) -> None:
    (root.parent / "ROF/masked/person_0_wearing_mask.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=f"person_0_wearing_mask.pkl: .*{message}") as error:
        rof_faces(root)
    assert "\n" not in str(error.value)


def test_refuses_a_root_without_crops(tmp_path: Path) -> None:
    write_rof_pickles(tmp_path / "ROF", COUNTS)
    with pytest.raises(DataError, match="expected images of people in neutral, sunglasses, masked, got none"):
        rof_faces(tmp_path)
