"""The table and the file that a run ends with."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from callbacks.run_files import write_json
from experiments.results import results_table

METRICS = {
    "test/rank1/none": 0.5,
    "test/rank1/sunglasses": 0.25,
    "test/rank1/occluded": 0.25,
    "test/accuracy/sunglasses": 0.875,
    "test/eer/sunglasses": 0.125,
    "test/gallery_decidability/sunglasses": 1.234,
    "test/iou/sunglasses": 0.75,
    "test/iou/mean": 0.8,
    "test/iou/clean": 0.99,
    "train/loss": 1.0,
}


def lines(system: str, metrics: dict[str, float | None]) -> dict[str, list[str]]:
    printed = StringIO()
    Console(width=80, file=printed).print(results_table(metrics, system))
    rows = [line.split() for line in printed.getvalue().splitlines() if line.strip()]
    return {row[0]: row[1:] for row in rows}


def test_our_figures_stand_beside_the_papers() -> None:
    rows = lines("SOIDN", dict(METRICS))
    assert rows["clean"] == ["50.0", "–", "–", "–", "–"]
    assert rows["sunglasses"] == ["25.0", "92", "87.5", "89.35", "12.5", "1.23", "75.0"]
    assert rows["mean"] == ["of", "occluders", "25.0", "–", "–", "–", "80.0", "89.5"]


def test_a_system_that_the_paper_does_not_have_has_no_figures_beside_it() -> None:
    assert lines("mine", dict(METRICS))["sunglasses"] == ["25.0", "87.5", "12.5", "1.23", "75.0"]


def test_columns_of_nothing_are_left_out() -> None:
    table = results_table({"test/rank1/none": 0.5, "test/rank1/occluded": None, "test/eer/none": 0.25}, "mine")
    assert [column.header for column in table.columns] == ["condition", "rank-1", "EER"]


def test_what_could_not_be_computed_is_a_dash() -> None:
    assert lines("mine", {**METRICS, "test/rank1/none": None})["sunglasses"][0] == "25.0"


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metrics.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in path.parent.iterdir()] == ["metrics.json"]
