"""A record says what became of a run, however often it is asked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from callbacks.run_files import write_json
from experiments.reproduction.records import RECORD, Evaluation, Run
from tests.helpers.reproductions import done


def test_a_saved_run_is_recalled_as_it_was(tmp_path: Path) -> None:
    run = replace(done("soidn", 3, 1 / 3, iou=0.1 + 0.2), folder=str(tmp_path / "new" / "run"), error="λ − “x”")
    run.save()
    asked = Run("soidn", 3, run.folder, run.command)
    assert asked.recalled() == run
    assert run.recalled() == run


def test_a_record_is_of_the_folder_that_it_lies_in_and_of_the_training_alone(tmp_path: Path) -> None:
    run = replace(done("soidn", 3, 0.5), folder=str(tmp_path / "before"))
    replace(run, measures={**run.measures, "ar/scarf/rank1": 0.9}, evaluations={"ar": "x"}).save()
    moved = (tmp_path / "before").rename(tmp_path / "after")
    found = Run("soidn", 3, str(moved), "").recalled()
    assert found == replace(run, folder=str(moved))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"row": "soidn"}', '{"row": 1, "seed": [], "folder": 0}'])
def test_a_damaged_record_is_none(content: str, tmp_path: Path) -> None:
    run = Run("soidn", 0, str(tmp_path), "train")
    (tmp_path / RECORD).write_text(content)
    assert run.recalled() is run


def test_a_run_without_a_record_is_not_run(tmp_path: Path) -> None:
    run = Run("soidn", 0, str(tmp_path), "train")
    assert run.recalled() is run
    assert run.status == "not run"


@pytest.mark.parametrize("damaged", ["", '{"row": "soi', "[]", '{"another": 1}'])
def test_nor_is_one_whose_record_is_damaged(damaged: str, tmp_path: Path) -> None:
    run = Run("soidn", 0, str(tmp_path), "train")
    (tmp_path / RECORD).write_text(damaged)
    assert run.recalled() is run


def test_a_figure_that_json_has_not_leaves_the_record_before(tmp_path: Path) -> None:
    run = Run("soidn", 0, str(tmp_path), "train")
    run.save()
    with pytest.raises(ValueError, match="not JSON compliant"):
        Run("soidn", 0, str(tmp_path), "train", "done", {"test/rank1/scarf": float("nan")}).save()
    assert json.loads((tmp_path / RECORD).read_text())["status"] == "not run"
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]


def test_an_evaluation_is_of_the_weights_that_it_has_seen(tmp_path: Path) -> None:
    checkpoint = tmp_path / "last.ckpt"
    checkpoint.write_text("one training")
    one = Evaluation("ar", tmp_path, [f"--checkpoint={checkpoint}", "--protocol=ar"])
    write_json(tmp_path / "results.json", {"SOIDN": {"ar": {"scarf": {"rank1": 0.5}}}})
    one.keep()
    assert one.recalled() == {"ar/scarf/rank1": 0.5}
    checkpoint.write_text("another training")
    assert one.recalled() is None
    checkpoint.unlink()  # to save room
    assert one.recalled() == {"ar/scarf/rank1": 0.5}
