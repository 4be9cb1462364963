"""From declaration to command lines: folders say what a run depends on, and each run is an ordinary one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import UserError, parse
from experiments.launch import DataChoice
from experiments.reproduction.declaration import TABLES, Column, Declaration, Row, Table, load
from experiments.reproduction.plan import Job, Setting, plan
from experiments.reproduction.protocols import Protocol

NAMES = sorted(path.stem for path in TABLES.glob("*.yaml"))
SETTING = Setting("demo", DataChoice([]), "", None, [], [], Path("runs/reproduce/mine"))


def declared(**options: Any) -> Declaration:
    rows = {
        "first": Row("First", "trunk"),
        "second": Row("Second", "baseline", {"model.init_args.initial_weights": "${first}/checkpoints/last.ckpt"}),
        "third": Row("Third", "baseline", options, copies={"map.npz": "${second}/map.npz"}),
    }
    return Declaration("mine", "", rows, [Table("T", list(rows), [Column("c", ["test/rank1/none"])])])


def by_row(jobs: list[Job]) -> dict[str, Job]:
    return {job.run.row: job for job in jobs}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_a_run_waits_for_those_whose_folders_its_options_name(name: str, scale: str) -> None:
    jobs = plan(load(TABLES / f"{name}.yaml"), replace(SETTING, scale=scale, weights="w.pth"), [0, 1])
    before: set[Path] = set()
    for job in jobs:
        assert set(job.needs) <= before
        words = " ".join([*job.train, *map(str, job.copies.values())])
        assert {folder for folder in before if f"{folder}/" in words} == set(job.needs)
        assert "${" not in words
        before.add(job.folder)
    assert len(before) == len(jobs)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_the_declared_rows_exists(name: str) -> None:
    declaration = load(TABLES / f"{name}.yaml")
    seen: set[tuple[str, ...]] = set()
    for job in plan(declaration, SETTING, [0]):
        row = declaration.rows[job.run.row]
        keys = (row.config, *row.options)
        if keys not in seen:  # rows that differ in values alone are checked once
            parse(job.train)
        seen.add(keys)


def test_a_misspelt_key_is_refused() -> None:
    jobs = by_row(plan(declared(**{"model.init_args.dropuot": 0.1}), SETTING, [0]))
    with pytest.raises(UserError, match="dropuot"):
        parse(jobs["third"].train)


def test_a_folder_is_that_of_the_same_settings_alone() -> None:
    folders = {row: job.folder for row, job in by_row(plan(declared(), SETTING, [0])).items()}
    again = {row: job.folder for row, job in by_row(plan(declared(), SETTING, [0])).items()}
    assert folders == again
    changed = by_row(plan(declared(**{"model.init_args.dropout": 0.1}), SETTING, [0]))
    assert {row for row, folder in folders.items() if folder != changed[row].folder} == {"third"}
    for other in (
        replace(SETTING, overrides=["--trainer.max_epochs=1"]),
        replace(SETTING, who="others"),
        replace(SETTING, data=DataChoice(["--data.init_args.split.min_images=4"])),
    ):
        assert not set(folders.values()) & {job.folder for job in plan(declared(), other, [0])}


@pytest.mark.parametrize("key", ["model.init_args.initial_weights", "data.init_args.source.init_args.root"])
def test_other_content_of_a_file_or_folder_that_is_named_makes_a_new_run(key: str, tmp_path: Path) -> None:
    def folder() -> Path:
        return by_row(plan(declared(**{key: str(path)}), SETTING, [0]))["third"].folder

    path = tmp_path / "named"
    seen = [folder()]
    (path / "person").mkdir(parents=True)
    for file, content in (("a", "1"), ("a", "2"), ("b", "2")):  # equally long
        (path / "person" / file).write_text(content)
        seen.append(folder())
    assert len(set(seen)) == 4
    (path / "person/b").unlink()
    (path / "person/a").write_text("1")
    assert folder() == seen[1]


def test_other_weights_make_new_runs_of_what_starts_from_them(tmp_path: Path) -> None:
    declaration = load(TABLES / "soidn.yaml")

    def folders() -> dict[str, Path]:
        setting = replace(SETTING, scale="paper", weights=str(weights))
        return {job.run.row: job.folder for job in plan(declaration, setting, [0])}

    weights = tmp_path / "vgg_face.pth"
    weights.write_bytes(b"one")
    before = folders()
    assert folders() == before
    weights.write_bytes(b"two")
    same = {row for row, folder in folders().items() if folder == before[row]}
    assert same == {"trunk_timm", "baseline_timm", "soidn_timm"}


def test_what_other_runs_have_left_meanwhile_makes_no_new_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = plan(declared(), SETTING, [0])
    for job in before:
        (job.folder / "checkpoints").mkdir(parents=True)
        (job.folder / "checkpoints/last.ckpt").write_text(str(job))
        (job.folder / "map.npz").touch()
    assert [job.folder for job in plan(declared(), SETTING, [0])] == [job.folder for job in before]


def test_what_a_row_goes_on_from_is_part_of_its_settings() -> None:
    longer = replace(declared(), rows={**declared().rows, "first": Row("First", "trunk", longer=2.0)})
    before, after = (by_row(plan(one, SETTING, [0])) for one in (declared(), longer))
    assert all(before[row].folder != after[row].folder for row in before)


def test_seeds_have_their_own_people_and_folders() -> None:
    first, second = (by_row(plan(declared(), SETTING, [seed])) for seed in (0, 1))
    assert not {job.folder for job in first.values()} & {job.folder for job in second.values()}
    assert {"--seed_everything=1", "--data.init_args.source.init_args.seed=1"} <= set(second["first"].train)


def test_real_data_keeps_its_people_whatever_the_seed() -> None:
    data = DataChoice(['--data.init_args.source={"class_path": "…"}'])
    (job, *_) = plan(declared(), replace(SETTING, data=data), [1])
    assert not [word for word in job.train if "source.init_args.seed" in word]


def test_epochs_are_multiplied() -> None:
    longer = replace(declared(), rows={"first": Row("First", "trunk", longer=1.5)}, tables=[])
    (job,) = plan(longer, replace(SETTING, data=DataChoice([], repeat=2)), [0])
    assert "--trainer.max_epochs=18" in job.train  # 1.5 × 2 × 6


def test_rows_are_evaluated_by_the_sets_that_are_there() -> None:
    rows = {"a": Row("A", "baseline", evaluated=True), "b": Row("B", "baseline"), "c": Row("C", "segmentation")}
    mine = replace(declared(), rows=rows, tables=[])
    ar = [Protocol("ar", ("--protocol=ar", "--ar=AR"), files) for files in ("one", "other")]
    generated, real, other = (by_row(plan(mine, replace(SETTING, protocols=p), [0])) for p in ([], ar[:1], ar[1:]))
    assert [[one.protocol for one in generated[row].evaluations] for row in "abc"] == [["generated"], [], []]
    assert [[one.protocol for one in real[row].evaluations] for row in "abc"] == [["ar"], ["ar"], []]
    (evaluation,), (elsewhere,) = real["a"].evaluations, other["a"].evaluations
    assert {"--protocol=ar", "--ar=AR", f"--out={evaluation.folder}"} < set(evaluation.args)
    assert real["a"].folder == other["a"].folder == generated["a"].folder  # one training
    assert evaluation.folder != elsewhere.folder
