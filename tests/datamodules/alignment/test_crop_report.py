"""The report of an alignment: what became of every image, by kind, and the failures by name."""

import json
from pathlib import Path

from datamodules.alignment import ALIGNED, ALREADY_THERE, CropOutcome, CropReport

OUTCOMES = [
    CropOutcome("a.png", ALIGNED),
    CropOutcome("b.png", "no landmarks", "b.png: expected landmarks"),
    CropOutcome("c.png", ALREADY_THERE),
    CropOutcome("d.png", "broken image", "d.png: expected an image"),
    CropOutcome("\udcff.png", "broken image", "\udcff.png: expected an image"),
]


def test_every_outcome_is_counted_and_failures_are_listed(tmp_path: Path) -> None:
    report = CropReport(iter(OUTCOMES))
    report.write(tmp_path, {"images": "photos"}, 1.23456)
    assert json.loads((tmp_path / "align_report.json").read_text()) == {
        "images": "photos",
        "aligned": 1,
        "already_there": 1,
        "failed": {"broken image": 2, "no landmarks": 1},
        "seconds": 1.235,
    }
    rows = (tmp_path / "failed.csv").read_bytes().splitlines()
    assert rows[0] == b"path,kind,reason"
    assert rows[3] == b"\xff.png,broken image,\xff.png: expected an image"  # a name as the file system has it
    assert len(rows) == 4


def test_failures_are_told_with_their_kinds_and_the_first(tmp_path: Path) -> None:
    assert CropReport(OUTCOMES).describe(tmp_path) == (
        f"{tmp_path}/failed.csv: 3 faces have no crop (2 broken image, 1 no landmarks), "
        "the first: b.png: expected landmarks"
    )
