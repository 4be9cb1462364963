"""``python -m experiments.align``: crops, report and list of failures from one command."""

import csv
import json
import sys
import types
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.sources import ImageFolder
from datamodules.sources.decode import decode_image
from experiments.align import align
from experiments.cli import UserError, main
from tests.datamodules.alignment.conftest import FACE, photo, row
from tests.helpers.faces_on_disk import encode

ARGS = ["--images", "photos", "--landmarks", "list.txt", "--out", "out"]
NAMES = [f"{person}/{shot}.png" for person in ("Ada", "Grace") for shot in range(2)]


@pytest.fixture(autouse=True)
def photos(alone: Path) -> None:
    """Write two photographs of two people and the list of their landmarks."""
    rows = []
    for index, name in enumerate(NAMES):
        image, points = photo(index // 2, index % 2)
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        Path("photos", name).write_bytes(encode(image, "png"))
        rows.append(row(name, points, between=str(index // 2)))
    Path("list.txt").write_text("\n".join(rows))


def report(out: str = "out") -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(out, "align_report.json").read_text())
    return found


def failures() -> list[list[str]]:
    with Path("out/failed.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_crops_and_report_are_made_and_then_kept(capsys: pytest.CaptureFixture[str]) -> None:
    align(ARGS)
    assert capsys.readouterr().out.startswith("Aligned: 4, ")
    assert len(ImageFolder("out")) == 4
    found = report()
    assert found.pop("seconds") is not None
    assert found == {
        "images": "photos",
        "landmarks": "list.txt",
        "detector": None,
        "detector_model": None,
        "settings": {
            "size": 112,
            "grey": False,
            "template": "arcface",
            "transform": "similarity",
            "format": "jpg",
            "quality": 95,
        },
        "aligned": 4,
        "already_there": 0,
        "failed": {},
    }
    assert failures() == [["path", "kind", "reason"]]

    align(ARGS)
    assert "Aligned: 0; already there: 4; failed: 0" in capsys.readouterr().out
    assert (report()["aligned"], report()["already_there"]) == (0, 4)


@pytest.mark.parametrize("size", ["112", "224", "100"])
def test_sizes_and_grey_are_those_of_the_papers(size: str) -> None:
    align([*ARGS, "--size", size, "--grey", "--format", "png", "--template", "lfw", "--transform", "affine"])
    data = Path("out/Ada/0.png").read_bytes()
    assert decode_image(data, name="a").shape == (int(size), int(size), 3)
    assert data[25] == 0  # PNG's colour type: grey


def spoil() -> None:
    Path("photos/Ada/0.png").write_text("no image")
    Path("photos/Ada/1.png").unlink()
    Path("photos/Grace/2.png").write_bytes(Path("photos/Grace/0.png").read_bytes())


def test_failures_are_listed_and_end_in_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    spoil()
    with pytest.raises(SystemExit) as exit_status:
        main(align, ARGS)
    assert exit_status.value.code == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(
        "error: out/failed.csv: 3 faces have no crop (1 no image, 1 image cannot be read, 1 no landmarks)"
    )
    assert error.endswith("--allow-failures accepts that")
    assert report()["failed"] == {"no image": 1, "image cannot be read": 1, "no landmarks": 1}
    assert report()["aligned"] == 2
    assert [line[:2] for line in failures()[1:]] == [
        ["Ada/1.png", "no image"],
        ["Ada/0.png", "image cannot be read"],
        ["Grace/2.png", "no landmarks"],
    ]
    assert failures()[2][2].startswith("Ada/0.png: expected a JPEG, PNG")


def test_failures_can_be_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    spoil()
    main(align, [*ARGS, "--allow-failures"])
    assert "out/failed.csv: 3 faces have no crop" in capsys.readouterr().out


def test_mended_images_are_made_by_the_next_run() -> None:
    whole = Path("photos/Ada/0.png").read_bytes()
    Path("photos/Ada/0.png").write_bytes(whole[:-9])
    align([*ARGS, "--allow-failures"])
    Path("photos/Ada/0.png").write_bytes(whole)
    align(ARGS)
    assert (report()["aligned"], report()["already_there"], report()["failed"]) == (1, 3, {})


def test_a_detector_comes_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_detector")
    module.make = lambda: lambda image: FACE  # type: ignore[attr-defined]  # a module made in the test
    monkeypatch.setitem(sys.modules, "my_detector", module)
    align(["--images", "photos", "--out", "out", "--detector", "my_detector:make"])
    assert (report()["aligned"], report()["landmarks"], report()["detector"]) == (4, None, "my_detector:make")


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--size", "8"], r"Expected `size` in \[16, 1024\], got 8"),
        (["--workers", "0"], "expected a whole number from 1, got '0'"),
        (["--template", "dlib"], "invalid choice: 'dlib'"),
        (["--transform", "tps"], "invalid choice: 'tps'"),
        (["--out", "photos/out"], "Expected --out outside --images, got photos/out in photos"),
        (["--out", "photos"], "Expected --out outside --images"),
        (["--out", "."], r"Expected --images outside --out, got photos in \."),
        (["--landmarks", "none.txt"], r"none\.txt: expected a list of landmarks"),
        (["--images", "none"], "none: expected a folder of images, got No such file"),
        (["--detector", "nothing"], "Expected a detector as yunet or module:factory, got 'nothing'"),
        (["--landmark", "list.txt"], "unrecognized arguments"),
    ],
)
def test_refuses_in_one_line_and_leaves_no_folder(args: list[str], reason: str) -> None:
    with pytest.raises((UserError, DataError), match=reason):
        align([*ARGS, *args])
    assert not Path("out").exists()


def test_refuses_neither_list_nor_detector() -> None:
    with pytest.raises(DataError, match="photos: expected a list of landmarks or a detector, got neither"):
        align(["--images", "photos", "--out", "out"])


def test_refuses_another_size_in_the_same_folder() -> None:
    align(ARGS)
    with pytest.raises(DataError, match=r"out/align_settings\.json: expected size 112 as before, got 224"):
        align([*ARGS, "--size", "224"])
