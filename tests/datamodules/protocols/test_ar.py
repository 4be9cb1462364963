"""AR: the neutral image of each subject is enrolled; conditions hold what the names of images tell, and all pairs."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols.ar import ar_faces
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.face_source import FaceSource
from tests.helpers.faces_on_disk import encode, pseudo_face

SUBJECTS = ("m-001", "m-076", "w-001")
FACE = encode(pseudo_face(0, size=(8, 8)), "bmp")


def write_ar(root: Path, subjects: Iterable[str] = SUBJECTS, codes: Iterable[int] = range(1, 27)) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for subject, code in product(subjects, codes):
        (root / f"{subject}-{code:02d}.bmp").write_bytes(FACE)
    return root


def names(protocol: EvaluationProtocol, indices: Iterable[int]) -> list[str]:
    return [Path(protocol.source.name(int(index))).stem for index in indices]


def codes(protocol: EvaluationProtocol, condition: str) -> list[int]:
    probes = names(protocol, protocol.identification[condition].probes)
    assert sorted({name[:5] for name in probes}) == list(SUBJECTS)
    return sorted({int(name[-2:]) for name in probes})


def test_the_neutral_image_of_session_1_is_enrolled(tmp_path: Path) -> None:
    protocol = ar_faces(str(write_ar(tmp_path)))
    assert isinstance(protocol.source, FaceSource)
    assert (protocol.name, protocol.missing) == ("ar", ())
    assert protocol.source.identity_names == SUBJECTS
    for identification in protocol.identification.values():
        assert names(protocol, identification.gallery) == [f"{subject}-01" for subject in SUBJECTS]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sunglasses", [8, 9, 10, 21, 22, 23]),
        ("scarf", [11, 12, 13, 24, 25, 26]),
        ("sunglasses/session1", [8, 9, 10]),
        ("scarf/session2", [24, 25, 26]),
        ("sunglasses/plain", [8, 21]),
        ("scarf/left", [12, 25]),
        ("sunglasses/session1/right", [10]),
        ("scarf/session2/plain", [24]),
    ],
)
def test_probes_are_those_of_the_condition(tmp_path: Path, condition: str, expected: list[int]) -> None:
    protocol = ar_faces(write_ar(tmp_path))
    assert len(protocol.identification[condition].probes) == len(SUBJECTS) * len(expected)
    assert codes(protocol, condition) == expected


def test_sessions_and_lights_part_the_probes(tmp_path: Path) -> None:
    identification = ar_faces(write_ar(tmp_path)).identification
    assert len(identification) == 2 * (1 + 2) * (1 + 3)
    for kind in ("sunglasses", "scarf"):
        whole = identification[kind].probes
        for parts in (
            [f"{kind}/session{session}" for session in (1, 2)],
            [f"{kind}/{light}" for light in ("plain", "left", "right")],
            [f"{kind}/session{session}/{light}" for session in (1, 2) for light in ("plain", "left", "right")],
        ):
            assert_array_equal(np.sort(np.concatenate([identification[part].probes for part in parts])), whole)


@pytest.mark.parametrize("references", [(1, 14), (1,), (14,)])
def test_verification_is_every_reference_against_every_query(tmp_path: Path, references: tuple[int, ...]) -> None:
    protocol = ar_faces(write_ar(tmp_path), references=references)
    queries = {
        "illumination": [5, 6, 7, 18, 19, 20],
        "sunglasses": [8, 9, 10, 21, 22, 23],
        "scarf": [11, 12, 13, 24, 25, 26],
    }
    assert list(protocol.verification) == list(queries)
    for condition, shots in queries.items():
        pairs = protocol.verification[condition]
        expected = {
            (f"{one}-{reference:02d}", f"{other}-{shot:02d}", one == other)
            for one, other, reference, shot in product(SUBJECTS, SUBJECTS, references, shots)
        }
        found = list(zip(names(protocol, pairs.first), names(protocol, pairs.second), pairs.same.tolist(), strict=True))
        assert len(found) == len(expected)
        assert set(found) == expected
        assert pairs.folds == 1


def test_the_source_holds_what_is_compared_and_no_more(tmp_path: Path) -> None:
    write_ar(tmp_path)
    assert len(ar_faces(tmp_path).source) == 3 * (26 - 6)
    assert len(ar_faces(tmp_path, references=[1]).source) == 3 * (26 - 7)


def test_any_form_of_name_and_any_folder(tmp_path: Path) -> None:
    write_ar(tmp_path / "a", ["m-001"], range(1, 14))
    write_ar(tmp_path / "a/b", ["w-001"], [1])
    (tmp_path / "W-001-08.RAW").write_bytes(bytes([1]) * (768 * 576) + bytes(2 * 768 * 576))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden/w-001-08.bmp").write_bytes(FACE)
    (tmp_path / "w-001-09.txt").write_text("no image")
    protocol = ar_faces(tmp_path)
    sunglasses = protocol.identification["sunglasses"].probes
    assert names(protocol, sunglasses) == ["m-001-08", "m-001-09", "m-001-10", "W-001-08"]
    assert protocol.source.image(int(sunglasses[-1]))[0, 0].tolist() == [1, 0, 0]
    assert protocol.missing == ()


def test_conditions_without_an_image_are_left_out(tmp_path: Path) -> None:
    protocol = ar_faces(write_ar(tmp_path, codes=[1, 2, 8, 9]))
    assert list(protocol.verification) == ["sunglasses"]
    assert list(protocol.identification) == [
        *("sunglasses", "sunglasses/plain", "sunglasses/left"),
        *("sunglasses/session1", "sunglasses/session1/plain", "sunglasses/session1/left"),
    ]


def test_subjects_without_a_neutral_image_and_other_files_are_left_out_and_listed(tmp_path: Path) -> None:
    write_ar(tmp_path)
    write_ar(tmp_path, ["w-050"], range(2, 27))
    (tmp_path / "m-001-08 copy.bmp").write_bytes(FACE)
    protocol = ar_faces(tmp_path)
    assert protocol.source.identity_names == SUBJECTS
    assert protocol.missing == (
        "w-050: no image 01 beside 25 others",
        "m-001-08 copy.bmp: not named as AR's images are",
    )


def test_refuses_two_files_of_one_code(tmp_path: Path) -> None:
    write_ar(tmp_path)
    (tmp_path / "M-001-8.raw").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected one image 08 of m-001, got M-001-8\.raw, m-001-08\.bmp"):
        ar_faces(tmp_path)


def test_refuses_codes_that_ar_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"m-001-27\.bmp: Expected `code` to be one of AR's, 1 to 26, got 27"):
        ar_faces(write_ar(tmp_path, codes=[1, 8, 27]))


def test_refuses_a_folder_with_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected images named as AR's are, such as m-001-01\.bmp, got 0 others"):
        ar_faces(tmp_path)
    with pytest.raises(DataError, match="none: expected a folder of images, got No such file"):
        ar_faces(tmp_path / "none")
    for directory, shots in (("neutral", [1, 2, 14]), ("occluded", [8, 14])):
        with pytest.raises(DataError, match=r"expected subjects with a neutral image .* got none among \d images"):
            ar_faces(write_ar(tmp_path / directory, ["m-001"], shots))


@pytest.mark.parametrize("references", [(), (2,), (1, 8)])
def test_refuses_references_that_are_not_neutral(tmp_path: Path, references: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Expected `references` to be 1, 14 or both, got \("):
        ar_faces(tmp_path, references=references)
