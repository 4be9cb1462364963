"""``python -m experiments.drawn_or_real``: a table with controls, from folders or from faces that are covered now."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.occluders import Blending, TemplateOccluder
from datamodules.sources import FixedLandmarks
from experiments.cli import UserError
from experiments.drawn_or_real import drawn_or_real
from tests.helpers.faces_on_disk import pseudo_face, write_image_folder

PEOPLE = 24


@pytest.fixture(autouse=True)
def folders(alone: Path) -> None:
    """Write faces, and others under masks with soft edges."""
    write_image_folder(alone / "faces", {f"p{n:02}": 1 for n in range(PEOPLE)})
    occluder = TemplateOccluder("doctor_mask", blending=Blending(feather=(3.0, 3.0)))
    landmarks = FixedLandmarks("lfw").scaled(112, 112)
    for folder in ("images", "masks"):
        (alone / "real" / folder).mkdir(parents=True)
    for number in range(PEOPLE):
        found = occluder(pseudo_face(100 + number), landmarks, np.random.default_rng(number))
        cv2.imwrite(f"real/images/{number}.png", found.image[..., ::-1])
        cv2.imwrite(f"real/masks/{number}.png", 255 * found.mask)


def areas(out: str) -> dict[str, float]:
    """Return the AUC of each row."""
    rows = [line.split("  ") for line in out.splitlines() if "[" in line]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    return {row[0]: float(row[2].split()[0]) for row in cells}


def test_sharp_edges_are_told_from_soft_ones_and_controls_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    drawn_or_real(["--real", "real", "--faces", "faces", "--category", "doctor_mask", "--replicates=5"])
    found = areas(capsys.readouterr().out)
    assert list(found) == [
        "real against drawn",
        "control: halves of real",
        "control: halves of drawn",
        "control: away from the edges",
    ]
    assert found["real against drawn"] > 90


def test_a_set_against_itself_is_chance(capsys: pytest.CaptureFixture[str]) -> None:
    drawn_or_real(["--real", "real", "--drawn", "real", "--replicates=5"])
    found = areas(capsys.readouterr().out)
    assert found["real against drawn"] == pytest.approx(50, abs=5)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Expected --drawn or --faces, got neither"),
        (["--drawn", "real", "--faces", "faces"], "Expected --drawn or --faces, got both"),
        (["--faces", "faces"], "Expected --category with --faces, got none"),
        (["--faces", "faces", "--category", "x"], "Expected an occluder category among"),
        (["--faces", "faces", "--category", "cup", "--shadow", "0", "2"], r"Expected `shadow` as a range in \[0, 1\]"),
        (["--drawn", "real", "--seed", "-1"], "Expected --seed of at least 0, got '-1'"),
        (["--drawn", "real", "--size", "20"], "Expected --size of at least 48, got 20"),
    ],
)
def test_refuses_options(args: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        drawn_or_real(["--real", "real", *args])


def test_few_images_are_told_apart_without_their_halves(capsys: pytest.CaptureFixture[str]) -> None:
    for path in Path("real").rglob("1?.png"):
        path.unlink()
    drawn_or_real(["--real", "real", "--faces", "faces", "--category", "cup", "--replicates=5"])
    assert list(areas(capsys.readouterr().out)) == ["real against drawn", "control: away from the edges"]


def test_refuses_few_images() -> None:
    for path in sorted(Path("real").rglob("1*.png")) + sorted(Path("real").rglob("2*.png")):
        path.unlink()
    with pytest.raises(DataError, match="Expected at least 10 images with an edge in each set, got 8 and 8"):
        drawn_or_real(["--real", "real", "--faces", "faces", "--category", "cup"])
