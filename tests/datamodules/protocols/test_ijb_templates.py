"""The IJB protocols: which images, templates and galleries their lists name, by hand; what is missing or malformed."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.protocols import ijb_templates
from tests.helpers.faces_on_disk import write_image_folder

MEDIA = "ijbc_face_tid_mid.txt"
PAIRS = "ijbc_template_pair_label.txt"
G1, G2, PROBES = "ijbc_1N_gallery_G1.csv", "ijbc_1N_gallery_G2.csv", "ijbc_1N_probe_mixed.csv"
HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID\n"
IMAGES = [f"ann/ann_{shot:04d}.jpg" for shot in (1, 2, 3, 4)]
BEA = [f"bea/bea_{shot:04d}.jpg" for shot in (1, 2, 3, 4)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "crops", {"ann": 4, "bea": 4})


@pytest.fixture
def meta(tmp_path: Path) -> Path:
    """Templates 3 and 7 of Ann, 5 and 9 of Bea; two frames of template 3 are one video's."""
    folder = tmp_path / "meta"
    folder.mkdir()
    rows = [(IMAGES[0], 3, 70), (IMAGES[1], 3, 70), (IMAGES[2], 3, 71), (IMAGES[3], 7, 72)]
    rows += [(BEA[0], 9, 70), (BEA[1], 5, 73), (BEA[2], 5, 74), (BEA[3], 5, 75)]
    (folder / MEDIA).write_text("".join(f"{image} {template} {medium}\n" for image, template, medium in rows))
    (folder / PAIRS).write_text("3 7 1\n3 5 0\n9 5 1\n7 9 0\n")
    return folder


@pytest.fixture
def searched(meta: Path) -> Path:
    (meta / G1).write_text(HEADER + "3,100,img/1.jpg,8\n3,100,img/2.jpg,9\n")
    (meta / G2).write_text(HEADER + "5,200,img/3.jpg,8\n")
    (meta / PROBES).write_text(HEADER + "7,100,img/4.jpg,8\n9,200,frames/5.jpg,8\n")
    return meta


def test_pairs_are_of_templates_and_templates_of_media(root: Path, meta: Path) -> None:
    found = ijb_templates(root, meta)
    templates = found.templates
    assert templates is not None
    assert (found.name, list(found.verification), dict(found.identification)) == ("ijbc", ["all"], {})
    assert list(templates.names) == ["template 3", "template 5", "template 7", "template 9"]
    pairs = found.verification["all"]
    named = [[templates.names[index] for index in part] for part in (pairs.first, pairs.second)]
    assert named[0] == ["template 3", "template 3", "template 9", "template 7"]
    assert named[1] == ["template 7", "template 5", "template 5", "template 9"]
    assert pairs.same.tolist() == [True, False, True, False]
    of_three = templates.template == 0
    assert [found.source.name(index) for index in templates.image[of_three]] == IMAGES[:3]
    assert templates.medium[of_three].tolist() == [70, 70, 71]
    assert found.source.name(int(found.shown[1])) == BEA[1]
    assert (templates.weighting, templates.quality) == ("mean", None)


def test_a_gallery_has_the_others_probes_as_strangers(root: Path, searched: Path) -> None:
    found = ijb_templates(root, searched)
    called = {
        condition: [[found.called(index) for index in part] for part in (faces.gallery, faces.probes, faces.strangers)]
        for condition, faces in found.identification.items()
    }
    assert called == {
        "G1": [["template 3"], ["template 7"], ["template 9"]],
        "G2": [["template 5"], ["template 9"], ["template 7"]],
        "mixed": [["template 3", "template 5"], ["template 7", "template 9"], []],
    }
    assert found.identity(int(found.identification["G1"].gallery[0])) == "subject 100"
    assert found.identities[0] == found.identities[2] != found.identities[1] == found.identities[3]


def test_a_fourth_column_is_the_quality(root: Path, meta: Path) -> None:
    text = (meta / MEDIA).read_text().splitlines()
    (meta / MEDIA).write_text("\n".join(f"{line} {0.5 * number}" for number, line in enumerate(text)))
    weighted, plain = (ijb_templates(root, meta, weighting=how).templates for how in ("quality", "mean"))
    assert weighted is not None
    assert plain is not None
    assert weighted.quality is not None
    assert weighted.quality.tolist() == [0.5 * number for number in range(8)]
    assert plain.quality is None


def test_missing_images_stop_the_run_or_are_left_out_with_what_needs_them(root: Path, searched: Path) -> None:
    (searched / MEDIA).write_text((searched / MEDIA).read_text() + f"{BEA[1]} 11 73\n")
    (searched / PROBES).write_text((searched / PROBES).read_text() + "11,200,img/6.jpg,8\n")
    (root / IMAGES[0]).unlink()
    (root / BEA[0]).unlink()
    with pytest.raises(DataError, match=rf"{MEDIA}: expected all of its images in .*, got none of 2: {IMAGES[0]}"):
        ijb_templates(root, searched)
    found = ijb_templates(root, searched, allow_missing=True)
    assert len(found.verification["all"]) == 2
    assert found.missing == (
        f"image {IMAGES[0]}: not there",
        f"image {BEA[0]}: not there",
        f"{PAIRS}: 2 pairs of templates without an image left",
        f"{PROBES}: 1 templates without an image left",
    )
    assert found.templates is not None
    assert np.bincount(found.templates.template).tolist() == [2, 3, 1, 1]


@pytest.mark.parametrize(
    ("file", "line", "text", "message"),
    [
        (MEDIA, 2, "a.jpg 3", rf"{MEDIA}: line 2: expected `image template medium`, got 'a\.jpg 3'"),
        (MEDIA, 2, "a.jpg x 70", rf"{MEDIA}: line 2: expected `image template medium`, got 'a\.jpg x 70'"),
        (MEDIA, 2, "../a.jpg 3 70", rf"{MEDIA}: line 2: expected a path below the root, got '\.\./a\.jpg'"),
        (MEDIA, 2, "a.jpg 3 70 0.5", rf"{MEDIA}: line 2: expected as many fields as before, got 4"),
        (MEDIA, 1, "a.jpg 3 70 nan", rf"{MEDIA}: line 1: expected a quality of at least 0, got 'nan'"),
        (PAIRS, 3, "9 5", rf"{PAIRS}: line 3: expected `template template label`, label 0 or 1, got '9 5'"),
        (PAIRS, 3, "9 5 2", rf"{PAIRS}: line 3: expected `template template label`, label 0 or 1, got '9 5 2'"),
        (PAIRS, 3, "9 5.5 1", rf"{PAIRS}: line 3: expected .*, got '9 5\.5 1'"),
        (PAIRS, 3, "9 -5 1", rf"{PAIRS}: line 3: expected .*, got '9 -5 1'"),
        (PAIRS, 3, "\n9 5 x", rf"{PAIRS}: line 4: expected .*, got '9 5 x'"),
        (PAIRS, 3, "\n9 6 1", rf"{PAIRS}: line 4: expected a template of {MEDIA}, got 6"),
        (PAIRS, 3, "9 99999999999999999999 1", rf"{PAIRS}: expected numbers of templates of 64 bits, got larger ones"),
        (G1, 1, "TEMPLATE,SUBJECT_ID", rf"{G1}: line 1: expected columns TEMPLATE_ID and SUBJECT_ID, got 'TEMPLATE,"),
        (G1, 3, "3,x", rf"{G1}: line 3: expected numbers of a template and its subject, got \['3', 'x'\]"),
        (G1, 3, "3", rf"{G1}: line 3: expected numbers of a template and its subject, got \['3', ''\]"),
        (G1, 3, "3,101", rf"{G1}: line 3: expected one subject of template 3, got 101, and 100 in line 2"),
        (G1, 3, "4,100", rf"{G1}: line 3: expected a template of {MEDIA}, got 4"),
        (
            PROBES,
            2,
            "3,101",
            rf"{PROBES}: line 2: expected one subject of template 3, got 101, and 100 in {G1}, line 2",
        ),
        (PROBES, 2, "7,300", r"meta: expected a probe of a subject of gallery G1, got none of 2"),
        (G1, 2, "3,200", rf"{G1}: line 3: expected one subject of template 3"),
    ],
)
def test_a_broken_list_is_named_with_its_line(
    file: str, line: int, text: str, message: str, root: Path, searched: Path
) -> None:
    lines = (searched / file).read_text().splitlines()
    lines[line - 1] = text
    (searched / file).write_text("\n".join(lines))
    with pytest.raises(DataError, match=message) as refused:
        ijb_templates(root, searched)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((MEDIA,), r"meta: expected \*face_tid_mid\.txt and \*template_pair_label\.txt, or .*, or both, got ijbc_face"),
        ((MEDIA, G1), r"meta: expected .*, got ijbc_1N_gallery_G1\.csv, ijbc_face_tid_mid\.txt"),
        ((PAIRS,), r"meta: expected .*, got ijbc_template_pair_label\.txt"),
        ((), r"meta: expected .*, got none"),
    ],
)
def test_refuses_a_folder_that_lacks_a_list(files: tuple[str, ...], message: str, root: Path, searched: Path) -> None:
    for path in searched.iterdir():
        if path.name not in files:
            path.unlink()
    with pytest.raises(DataError, match=message):
        ijb_templates(root, searched)


def test_refuses_lists_of_two_sets_and_empty_ones(root: Path, meta: Path) -> None:
    (meta / "ijbb_face_tid_mid.txt").write_text("")
    with pytest.raises(DataError, match=r"expected one \*face_tid_mid\.txt, got ijbb_face_tid_mid\.txt, ijbc_"):
        ijb_templates(root, meta)
    (meta / MEDIA).unlink()
    with pytest.raises(DataError, match=r"ijbb_face_tid_mid\.txt: expected lines of `image template medium`, got none"):
        ijb_templates(root, meta)
    (meta / "ijbb_face_tid_mid.txt").write_text("ann/ann_0001.jpg 3 70\n")
    (meta / PAIRS).write_text("\n")
    with pytest.raises(DataError, match=rf"{PAIRS}: expected lines of `template template label`, got none"):
        ijb_templates(root, meta)
