"""``python -m experiments.derive_anchors``: RGBA files become occluders and a sheet, and nothing is lost."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.occluders import TemplateOccluder
from datamodules.occluders.own_images import read_listing
from experiments.cli import UserError
from experiments.derive_anchors import derive_anchors
from experiments.occluder_templates.contact_sheet import PER_PAGE
from tests.datamodules.occluders.conftest import ALIGNED


def write(path: str, *, opaque: bool = False, size: tuple[int, int] = (60, 90)) -> None:
    image = np.full((*size, 4), 90, np.uint8)
    image[..., 3] = 255 if opaque else 0
    image[10:-10, 10:-10, 3] = 255
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(path, image)


@pytest.fixture(autouse=True)
def folder(alone: Path) -> None:
    """Write two masks and a hand."""
    for name in ("Surgical blue.PNG", "deep/n95.png", "hands/01.png"):
        write(f"mine/{name}")


def test_a_folder_becomes_occluders_and_a_sheet(capsys: pytest.CaptureFixture[str]) -> None:
    derive_anchors(["mine"])
    assert capsys.readouterr().out.splitlines() == [
        "mine/occluders.yaml: 3 images, 0 left out",
        "Sheet: mine/occluders_sheet.png",
    ]
    assert {entry.path.name: entry.category for entry in read_listing("mine")} == {
        "Surgical blue.PNG": "mask",
        "n95.png": "mask",
        "01.png": "hand",
    }
    assert cv2.imread("mine/occluders_sheet.png") is not None
    face = np.zeros((112, 112, 3), np.uint8)
    mask = TemplateOccluder("mask", folder="mine", jitter=0)(face, ALIGNED, np.random.default_rng(0)).mask
    nose, mouth, eye = (mask[round(float(y)), round(float(x))] for x, y in (ALIGNED[2], ALIGNED[3], ALIGNED[0]))
    assert (nose, mouth, eye) == (1, 1, 0)


def test_a_listing_is_not_written_over_unless_told() -> None:
    derive_anchors(["mine"])
    listing = Path("mine/occluders.yaml")
    corrected = listing.read_text().replace("category: hand", "category: glove")
    listing.write_text(corrected)
    with pytest.raises(
        UserError, match=r"mine/occluders.yaml: expected no listing yet, got one: --show .* --overwrite"
    ):
        derive_anchors(["mine"])
    Path("mine/occluders_sheet.png").unlink()
    derive_anchors(["mine", "--show", "--sheet", "out/sheet.png"])
    assert listing.read_text() == corrected
    assert Path("out/sheet.png").is_file()
    derive_anchors(["mine", "--overwrite"])
    assert "glove" not in listing.read_text()


def test_what_cannot_be_used_is_named_and_left_out_only_if_told(capsys: pytest.CaptureFixture[str]) -> None:
    write("mine/mask_opaque.png", opaque=True)
    with pytest.raises(DataError, match=r"mask_opaque.png: .* opaque everywhere.*; --skip leaves such images out"):
        derive_anchors(["mine"])
    assert not Path("mine/occluders.yaml").exists()
    derive_anchors(["mine", "--skip"])
    out = capsys.readouterr().out
    assert "left out: mine/mask_opaque.png: " in out
    assert "3 images, 1 left out" in out


def test_a_name_that_tells_nothing_needs_a_category() -> None:
    write("mine/0042.png")
    with pytest.raises(DataError, match=r"0042.png: expected a name that tells what it is .*, or --category"):
        derive_anchors(["mine"])
    with pytest.raises(UserError, match="Expected --like with --category balloon"):
        derive_anchors(["mine", "--category", "balloon"])
    derive_anchors(["mine", "--category", "balloon", "--like", "object"])
    assert {entry.category for entry in read_listing("mine")} == {"balloon"}


def test_whole_faces_are_seated_by_their_frame() -> None:
    derive_anchors(["mine", "--frame", "arcface", "--category", "arm"])
    assert all(len(entry.anchors) == 5 and entry.fit == "similarity" for entry in read_listing("mine"))
    with pytest.raises(UserError, match=r"Expected --frame as arcface, lfw or ten numbers, .* got '1 2'"):
        derive_anchors(["mine", "--overwrite", "--frame", "1", "2"])


def test_many_images_take_several_sheets(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(PER_PAGE):
        write(f"many/mask{number:02}.png", size=(40, 40))
    write("many/mask last.png")
    derive_anchors(["many"])
    assert "Sheets: many/occluders_sheet.png, many/occluders_sheet_2.png" in capsys.readouterr().out
    derive_anchors(["many", "--overwrite"])  # sheets are no occluders


@pytest.mark.parametrize("args", [["nowhere"], ["empty"]])
def test_refuses_a_folder_without_images(args: list[str]) -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError, match=f"{args[0]}: expected "):
        derive_anchors(args)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--category", "hand+cup", "--like", "hand"], r"expected 'category' without '\+' and other than 'none'"),
        (["--category", "none", "--like", "hand"], r"expected 'category' without '\+' and other than 'none'"),
        (["--category", "arm", "--frame", *["5"] * 10], "expected 'anchors' that determine the similarity fit"),
        (["--category", "arm", "--frame", *["900", "5"] * 5], r"expected 'anchors' that|expected anchor '"),
        (["--category", "arm", "--frame", *map(str, range(900, 910))], "within one image size of the 90 x 60 image"),
    ],
)
def test_a_listing_that_could_not_be_read_is_not_written(options: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        derive_anchors(["mine", *options])
    assert not list(Path("mine").glob("occluders*"))


def test_a_sheet_in_the_folder_has_a_sheet_s_name() -> None:
    with pytest.raises(UserError, match="Expected --sheet outside of FOLDER, or named occluders_sheet…, got mine/a"):
        derive_anchors(["mine", "--sheet", "mine/a.png"])
    derive_anchors(["mine", "--sheet", "mine/deep/occluders_sheet_new.png"])
    derive_anchors(["mine", "--overwrite"])
    assert len(read_listing("mine")) == 3
