"""People's own galleries and probes: as the table has them; a probe of nobody in the gallery is refused."""

import re
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.protocols.csv_identification import csv_identification
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.face_source import FaceSource
from tests.helpers.faces_on_disk import write_image_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "faces", {"a": 4, "b": 3}, size=(8, 8))


def write(root: Path, *rows: str, header: str = "path,identity,role") -> Path:
    """Rows such as ``a1,Ann,probe``, for ``a/a_0001.jpg``."""
    path = root.parent / "own.csv"
    lines = [re.sub(r"^([a-z])(\d)", r"\1/\1_000\2.jpg", row) for row in rows]
    path.write_text("\n".join([header, *lines]))
    return path


def held(protocol: EvaluationProtocol) -> dict[str, tuple[list[str], list[str]]]:
    def names(indices: list[int]) -> list[str]:
        return [re.sub(r".*/(.)_000(.)\.jpg", r"\1\2", protocol.source.name(index)) for index in indices]

    return {
        condition: (names(part.gallery.tolist()), names(part.probes.tolist()))
        for condition, part in protocol.identification.items()
    }


PLAIN = ("a1,Ann,gallery", "a2,Ann,probe", "b1,Bea,GALLERY", "b2,Bea,probe", "a3,Ann,gallery")
WITH_CONDITION = "path,identity,role,condition"


def test_holds_gallery_and_probes(root: Path) -> None:
    protocol = csv_identification(str(root), str(write(root, *PLAIN)))
    assert isinstance(protocol.source, FaceSource)
    assert (protocol.name, protocol.missing, protocol.verification) == ("own", (), {})
    assert held(protocol) == {"all": (["a1", "b1", "a3"], ["a2", "b2"])}
    assert protocol.source.identity_names == ("Ann", "Bea")
    assert protocol.source.identities.tolist() == [0, 0, 0, 1, 1]


def test_a_gallery_image_belongs_to_its_condition_or_to_every_one(root: Path) -> None:
    rows = ("a1,Ann,gallery,", "b1,Bea,gallery,mask", "a2,Ann,probe,mask", "b2,Bea,probe,mask", "a2,Ann,probe,scarf")
    protocol = csv_identification(root, write(root, *rows, "a3,Ann,probe,", header=WITH_CONDITION))
    assert held(protocol) == {
        "mask": (["a1", "b1"], ["a2", "b2"]),
        "scarf": (["a1"], ["a2"]),
        "all": (["a1"], ["a3"]),
    }
    assert len(protocol.source) == 5


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a4,,probe", "line 7: expected an identity, got an empty field"),
        ("a4,Ann,prove", "line 7: expected `role` to be gallery, probe or stranger, got 'prove'"),
        ("/a4,Ann,probe", "line 7: expected a path below the root, got '/a4'"),
        ("a1,Bea,probe", "line 7: expected one identity of a/a_0001.jpg, got 'Bea', and 'Ann' in line 2"),
        ("a2,Ann,probe", "line 7: expected every image once in condition 'all', got a/a_0002.jpg again, as in line 3"),
        ("a1,Ann,probe", "line 7: expected every image once in condition 'all', got a/a_0001.jpg again, as in line 2"),
        ("a4,Zoe,probe", "line 7: expected a gallery image of 'Zoe' in condition 'all', got none"),
        ("a4,Ann", "line 7: expected 3 fields, got 2"),
    ],
)
def test_refuses_a_malformed_row(root: Path, row: str, expected: str) -> None:
    path = write(root, *PLAIN, row)
    with pytest.raises(DataError, match=re.escape(f"{path}: {expected}")):
        csv_identification(root, path)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("b1,Bea,gallery,marsk", "line 4: expected a probe of condition 'marsk', got none"),
        ("b2,Bea,probe,mask", "line 4: expected a gallery image of 'Bea' in condition 'mask', got none"),
        ("a1,Ann,gallery,mask", "line 4: expected every image once in condition 'mask', got a/a_0001.jpg again, as in"),
    ],
)
def test_refuses_conditions_that_do_not_fit(root: Path, row: str, expected: str) -> None:
    path = write(root, "a1,Ann,gallery,", "a2,Ann,probe,mask", row, header=WITH_CONDITION)
    with pytest.raises(DataError, match=re.escape(f"{path}: {expected}")):
        csv_identification(root, path)


def test_refuses_a_table_without_probes(root: Path) -> None:
    with pytest.raises(DataError, match=r"own\.csv: expected at least one probe, got none"):
        csv_identification(root, write(root, "a1,Ann,gallery"))


def test_missing_images_are_refused_or_counted(root: Path) -> None:
    for name in ("a/a_0002.jpg", "b/b_0001.jpg"):
        (root / name).unlink()
    path = write(root, *PLAIN, "a4,Ann,probe")
    with pytest.raises(DataError, match=r"expected all of its images .*, got none of 2: a/a_0002\.jpg, b/b_0001\.jpg$"):
        csv_identification(root, path)
    protocol = csv_identification(root, path, allow_missing=True)
    assert held(protocol) == {"all": (["a1", "a3"], ["a4"])}
    assert protocol.missing == (
        "line 3: probe a/a_0002.jpg: no image",
        "line 4: gallery image b/b_0001.jpg: no image",
        "line 5: probe b/b_0002.jpg: no gallery image of 'Bea' left",
    )
    assert protocol.source.identity_names == ("Ann",)
    (root / "a/a_0004.jpg").unlink()
    with pytest.raises(DataError, match="expected a probe left in condition 'all', got none"):
        csv_identification(root, path, allow_missing=True)


def test_strangers_are_probes_of_whom_the_gallery_has_nothing(root: Path) -> None:
    protocol = csv_identification(root, write(root, "a1,Ann,gallery", "a2,Ann,probe", "b1,Bea,stranger"))
    faces = protocol.identification["all"]
    assert [protocol.called(index) for index in faces.strangers] == ["b/b_0001.jpg"]
    assert [protocol.called(index) for index in faces.probes] == ["a/a_0002.jpg"]
    with pytest.raises(DataError, match="line 7: expected no gallery image of 'Ann' in condition 'all', got one"):
        csv_identification(root, write(root, *PLAIN, "a4,Ann,stranger"))


def test_the_gallery_images_of_an_identity_can_be_one_template(root: Path) -> None:
    protocol = csv_identification(root, write(root, *PLAIN), join="mean")
    templates, faces = protocol.templates, protocol.identification["all"]
    assert templates is not None
    joined = [sorted(templates.image[templates.template == place].tolist()) for place in faces.gallery]
    names = [[protocol.source.name(index)[:8] for index in images] for images in joined]
    assert names == [["a/a_0001", "a/a_0003"], ["b/b_0001"]]
    assert [protocol.called(index) for index in faces.probes] == ["a/a_0002.jpg", "b/b_0002.jpg"]
    assert len(set(templates.medium[templates.template == faces.gallery[0]])) == 2  # an image each


def test_conditions_of_other_galleries_have_other_templates(root: Path) -> None:
    rows = ("a1,Ann,gallery,", "a2,Ann,gallery,mask", "a3,Ann,probe,mask", "a3,Ann,probe,", "b1,Bea,gallery,")
    protocol = csv_identification(root, write(root, *rows, header=WITH_CONDITION), join="mean")
    templates = protocol.templates
    assert templates is not None
    sizes = {
        condition: [int((templates.template == place).sum()) for place in faces.gallery]
        for condition, faces in protocol.identification.items()
    }
    assert sizes == {"mask": [2, 1], "all": [1, 1]}


def test_qualities_are_those_of_a_column_or_of_none(root: Path) -> None:
    header = "path,identity,role,quality"
    rows = ("a1,Ann,gallery,0.25", "a2,Ann,probe,", "b1,Bea,gallery,3", "b2,Bea,probe,0")
    templates = csv_identification(root, write(root, *rows, header=header), join="quality").templates
    assert templates is not None
    assert templates.quality is not None
    assert dict(zip(templates.names, templates.quality, strict=True)) == {
        "a/a_0001.jpg": 0.25,
        "b/b_0001.jpg": 3,
        "a/a_0002.jpg": 1,
        "b/b_0002.jpg": 1,
    }
    plain = csv_identification(root, write(root, *PLAIN), join="quality").templates
    assert plain is not None
    assert plain.quality is None
    with pytest.raises(DataError, match=r"own: expected a quality of every gallery image or of none, got none of a/a_"):
        csv_identification(root, write(root, *rows, "a3,Ann,gallery,", header=header), join="quality")
    with pytest.raises(DataError, match=r"own\.csv: line 6: expected a quality of at least 0, got '-1'"):
        csv_identification(root, write(root, *rows, "a3,Ann,gallery,-1", header=header), join="quality")
