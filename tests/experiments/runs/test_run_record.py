"""A record says what became of a run, however often it is asked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from callbacks.run_files import write_json
from experiments.runs.run_record import RECORD, Evaluation, RunRecord, recorded

DONE = RunRecord("train soidn", "done", {"test/iou/mean": 0.1 + 0.2, "val/loss": 1 / 3}, error="λ − “x”", weights="abc")


def test_a_saved_record_is_read_as_it_was(tmp_path: Path) -> None:
    DONE.save(tmp_path / "new" / "run")
    assert recorded(tmp_path / "new" / "run") == DONE


def test_what_an_evaluation_said_is_not_kept(tmp_path: Path) -> None:
    replace(DONE, unevaluated={"ar": "no"}).save(tmp_path)
    assert recorded(tmp_path) == DONE


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"status": "finished"}', '{"measures": 0}', '{"com'])
def test_a_damaged_record_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text(content)
    assert recorded(tmp_path) == RunRecord()


def test_a_run_without_a_record_is_not_run(tmp_path: Path) -> None:
    assert recorded(tmp_path).status == "not run"


def test_a_figure_that_json_has_not_leaves_the_record_before(tmp_path: Path) -> None:
    RunRecord().save(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        RunRecord(status="done", measures={"test/rank1/scarf": float("nan")}).save(tmp_path)
    assert json.loads((tmp_path / RECORD).read_text())["status"] == "not run"
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]


def test_each_way_to_compare_has_measures_of_its_own(tmp_path: Path) -> None:
    checkpoint = tmp_path / "last.ckpt"
    checkpoint.write_text("one training")
    one = Evaluation("covered", tmp_path, checkpoint, ("--protocol=covered",))
    ways = {"": 0.5, ", mirror": 0.6, ", matched by labels": 0.7, ", mirror, matched by SOIDN (a), grow=2": 0.8}
    results = {f"SOIDN (a){way}": {"covered": {"cup": {"rank1": value}}} for way, value in ways.items()}
    write_json(tmp_path / "results.json", results)
    one.keep()
    names = ["covered", "covered+mirror", "covered+matched", "covered+mirror+matched"]
    assert one.recalled() == {f"{name}/cup/rank1": v for name, v in zip(names, ways.values(), strict=True)}
    for wrong in ({**results, "another": results["SOIDN (a)"]}, {}):
        write_json(tmp_path / "results.json", wrong)
        with pytest.raises(ValueError, match=r"results\.json: expected results of one model, got"):
            one.keep()


def test_an_evaluation_is_of_the_weights_that_it_has_seen(tmp_path: Path) -> None:
    checkpoint = tmp_path / "last.ckpt"
    checkpoint.write_text("one training")
    one = Evaluation("ar", tmp_path, checkpoint, ("--protocol=ar",))
    write_json(tmp_path / "results.json", {"SOIDN": {"ar": {"scarf": {"rank1": 0.5}}}})
    one.keep()
    assert one.recalled() == {"ar/scarf/rank1": 0.5}
    checkpoint.write_text("another training")
    assert one.recalled() is None
    checkpoint.unlink()  # to save room
    assert one.recalled() == {"ar/scarf/rank1": 0.5}
