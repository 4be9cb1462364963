"""From a paper's file to runs: folders say what a row depends on, and each run is an ordinary one."""

from collections.abc import Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from callbacks.run_files import write_json
from datamodules.occluders import OcclusionMap
from experiments.cli import UserError
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_file import load, papers
from experiments.reproduction.paper_parts import Column, PaperRow, Table
from experiments.reproduction.paper_runs import Protocol, add_paper
from experiments.reproduction.row_run import PlannedRow
from experiments.runs.data_choice import DataChoice
from experiments.runs.finished import is_finished
from experiments.runs.process import Processes
from experiments.runs.run_graph import RunGraph
from experiments.runs.run_record import RunRecord
from experiments.runs.run_schedule import run_all
from experiments.runs.runner import Runner
from experiments.runs.setting import Setting

SETTING = Setting("demo", shared=tuple)


def declared(**changes: Any) -> Paper:
    rows = {
        "first": PaperRow("First", "trunk", maps={"made": {"occluder_sizes": [[13, 13]]}}),
        "second": PaperRow("Second", "baseline", starts_from="first"),
        "third": PaperRow(
            "Third", "baseline", changes, starts_from=None, copies={"map.npz": "${first_made}/occlusion_maps/map.npz"}
        ),
    }
    return Paper("mine", "", rows, [Table("T", list(rows), [Column("c", ["test/rank1/none"])])])


def plan(paper: Paper, setting: Setting = SETTING, *protocols: Protocol, seed: int = 0) -> dict[str, PlannedRow]:
    return {row.row: row for row in add_paper(RunGraph(), paper, setting, protocols, [seed], paper.rows)}


def folders(paper: Paper, setting: Setting = SETTING, *, seed: int = 0) -> dict[str, Path]:
    return {key: row.node.folder for key, row in plan(paper, setting, seed=seed).items()}


@pytest.mark.parametrize(("name", "scale"), [("soidn", "demo"), ("occlusion_maps", "paper")])
def test_a_run_depends_on_those_whose_folders_its_settings_name(name: str, scale: str, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_text("weights")
    graph, paper = RunGraph(), load(papers()[name])
    add_paper(graph, paper, replace(SETTING, scale=scale, weights="w.pth"), [], [0], paper.rows)
    before: set[Path] = set()
    for node in graph.nodes.values():  # that every key exists is seen as each is parsed
        assert set(node.needs) <= before
        words = " ".join([*node.spec.words(), *map(str, node.copies.values())])
        named = {folder for folder in before if f"{folder}/" in words} - {node.folder}
        assert named == set(node.needs) if node.trains else named <= set(node.needs)
        assert "${" not in words
        before.add(node.folder)
    assert not failures(graph)


def failures(graph: RunGraph) -> dict[str, str]:
    """Run all of a graph, with a stand-in for each command that leaves what that would, and return what goes wrong."""

    def call(module: str, args: Sequence[str], log: Path, lease: int) -> None:
        if module == "experiments.evaluate":
            write_json(
                log.with_name("results.json"), {"Mine": {log.parent.name.partition("-")[0]: {"none": {"rank1": 0.5}}}}
            )
            return
        run = graph.nodes[log.parent]
        for copy, original in run.copies.items():
            assert copy.read_bytes() == original.read_bytes()
        write_json(run.folder / "metrics.json", {"metrics": {"test/rank1/none": 0.5}})
        write_json(run.folder / "history.json", [{"epoch": 1, "seconds": 2.5}])
        if run.trains:
            run.checkpoint.parent.mkdir()
            torch.save({"state_dict": {"network.weight": torch.zeros(1)}}, run.checkpoint)
        else:
            named = [file for other in graph.nodes.values() for file in other.copies.values()]
            for file in [run.map_file("mine", (1, 1)), *filter(lambda one: one.is_relative_to(run.folder), named)]:
                OcclusionMap(
                    np.zeros((2, 2), np.float32), (1, 1), np.zeros(3, np.float32), 1, np.arange(1), "a", "b"
                ).save(file)

    runner = Runner(call, tell=lambda said: None)
    ended = run_all(graph, [*graph.nodes.values()], runner, Processes(), parallel=2)
    return {node.name: record.error for node, record in ended if record.status != "done" or record.unevaluated}


def test_a_misspelt_key_is_refused_with_its_row() -> None:
    with pytest.raises(UserError, match=r"row third: .*dropuot"):
        plan(declared(**{"model.init_args.dropuot": 0.1}))


def test_a_folder_is_that_of_the_same_settings_alone() -> None:
    before = folders(declared())
    assert folders(declared()) == before
    changed = folders(declared(**{"model.init_args.dropout": 0.1}))
    assert {row for row, folder in before.items() if folder != changed[row]} == {"third"}
    for other in (
        replace(SETTING, overrides=("--trainer.max_epochs=1",)),
        replace(SETTING, data=DataChoice({"data.init_args.split.min_images": 4})),
    ):
        assert not set(before.values()) & set(folders(declared(), other).values())


@pytest.mark.parametrize("key", ["model.init_args.initial_weights", "data.init_args.source.init_args.root"])
def test_other_content_of_a_file_or_folder_that_is_named_makes_a_new_run(key: str, tmp_path: Path) -> None:
    def folder() -> Path:
        source = {"data.init_args.source": "datamodules.sources.ImageFolder"} if "root" in key else {}
        return folders(declared(**source, **{key: str(path)}), replace(SETTING, data=real))["third"]

    real = DataChoice({"data.init_args.split.min_images": 4})  # no generated faces, which have seeds
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
    rows = {
        "from_file": PaperRow("A", "trunk", starts_from="${weights}"),
        "after_it": PaperRow("B", "baseline", starts_from="from_file"),
        "by_the_system": PaperRow("C", "soidn"),
        "without": PaperRow("D", "trunk"),
    }
    paper = Paper("mine", "", rows, [])
    weights = tmp_path / "vgg_face.pth"
    setting = replace(SETTING, scale="paper", weights=str(weights))
    weights.write_bytes(b"one")
    before = folders(paper, setting)
    assert folders(paper, setting) == before
    weights.write_bytes(b"two")
    after = folders(paper, setting)
    assert {row for row in rows if after[row] == before[row]} == {"without"}


def test_what_other_runs_have_left_meanwhile_makes_no_new_run() -> None:
    before = plan(declared())
    for row in before.values():
        for node in row.nodes():
            (node.folder / "checkpoints").mkdir(parents=True)
            node.checkpoint.write_text(str(node.folder))
            (node.folder / "map.npz").touch()
    assert {key: row.node.folder for key, row in before.items()} == folders(declared())


def test_what_a_row_starts_from_and_copies_is_part_of_its_settings() -> None:
    rows = declared().rows
    longer = replace(declared(), rows={**rows, "first": replace(rows["first"], longer=2.0)})
    before, after = folders(declared()), folders(longer)
    assert all(before[row] != after[row] for row in before)


def test_seeds_have_their_own_faces_and_folders() -> None:
    first, second = (plan(declared(), seed=seed) for seed in (0, 1))
    assert not {row.node.folder for row in first.values()} & {row.node.folder for row in second.values()}
    assert {"--seed_everything=1", "--data.init_args.source.init_args.seed=1"} <= set(second["first"].node.spec.words())


def test_real_faces_stay_the_same_whatever_the_seed() -> None:
    data = DataChoice({"data.init_args.split.min_images": 4})
    for row in plan(declared(), replace(SETTING, data=data), seed=1).values():
        assert not [word for word in row.node.spec.words() if "source.init_args.seed" in word]


def test_epochs_are_multiplied() -> None:
    rows = {"first": PaperRow("First", "trunk", longer=1.5)}
    found = plan(Paper("mine", "", rows, []), replace(SETTING, data=DataChoice(repeat=2)))
    assert "--trainer.max_epochs=18" in found["first"].node.spec.words()  # 1.5 × 2 × 6


def test_rows_are_evaluated_by_the_sets_that_are_there() -> None:
    rows = {
        "a": PaperRow("A", "baseline", evaluated=True, starts_from=None),
        "b": PaperRow("B", "baseline", {"model.init_args.dropout": 0.5}, starts_from=None),
        "c": PaperRow("C", "segmentation", starts_from=None),
    }
    mine = Paper("mine", "", rows, [])
    ar = [Protocol("ar", ("--protocol=ar", "--ar=AR"), files) for files in ("one", "other")]
    generated, real, other = (plan(mine, SETTING, *used) for used in ([], ar[:1], ar[1:]))
    assert [[one.protocol for one in generated[row].node.evaluations] for row in "abc"] == [["generated"], [], []]
    assert [[one.protocol for one in real[row].node.evaluations] for row in "abc"] == [["ar"], ["ar"], []]
    (evaluation,), (elsewhere,) = real["a"].node.evaluations, other["a"].node.evaluations
    assert {"--protocol=ar", "--ar=AR", f"--out={evaluation.folder}"} < set(evaluation.words())
    assert real["a"].node.folder == other["a"].node.folder == generated["a"].node.folder  # one training
    assert evaluation.folder != elsewhere.folder


def test_a_row_s_measures_are_those_of_its_training_and_its_maps() -> None:
    row = plan(declared())["first"]
    assert row.outcome().status == "not run"
    history = [{"epoch": 1.0, "seconds": 2.0}]
    RunRecord("train", "done", {"val/accuracy": 0.5}, history, 2.0, evaluated=True).save(row.node.folder)
    without = row.outcome()
    assert (without.status, without.measures, without.maps) == ("done", {"val/accuracy": 0.5}, ())
    assert [is_finished(node) for node in row.nodes()] == [True, False]
    made = row.maps["made"]
    RunRecord("validate", "done", {"val/occlusion/13x13/std": 0.1, "val/accuracy": 0.51}).save(made.folder)
    found = row.outcome()
    assert found.measures == {"val/accuracy": 0.5, "val/occlusion/13x13/std": 0.1}
    assert found.folders() == [row.node.folder, made.folder]
    RunRecord("validate", "failed", error="no face is classified correctly").save(made.folder)
    assert row.outcome().unevaluated == {"maps, made": "no face is classified correctly"}


def test_patches_without_a_classifier_follow_maps_of_what_is_trained_further() -> None:
    graph, paper = RunGraph(), load(papers()["occlusion_maps"])
    rows = {row.row: row for row in add_paper(graph, paper, SETTING, [], [0], ["c", "c_verified"])}
    made = rows["c"].maps["verifying"]
    (callback,) = made.config["trainer"]["callbacks"]
    assert callback["class_path"] == "callbacks.VerificationMapping"
    placed = rows["c_verified"].node
    assert set(placed.needs) == {rows["c"].node.folder, made.folder}
    assert f"{made.folder}/occlusion_maps/verification-placement-10x10.npz" in " ".join(placed.spec.words())


def test_a_row_can_be_compared_by_masks_of_a_row_that_starts_from_it() -> None:
    rows = {
        "trunk": PaperRow("Trunk", "trunk", matched="soidn"),
        "soidn": PaperRow("SOIDN", "soidn", matched="self", starts_from="trunk"),
        "other": PaperRow("Other", "baseline", matched="soidn", starts_from="trunk"),
    }
    paper = Paper("mine", "", rows, [Table("T", ["trunk"], [Column("c", ["covered+matched/all/rank1"])])])
    assert set(paper.with_dependencies(["trunk"], "demo")) == {"trunk", "soidn"}
    graph = RunGraph()
    planned = {row.row: row for row in add_paper(graph, paper, SETTING, [], [0], paper.rows)}
    nodes = {key: row.node for key, row in planned.items()}
    assert all(graph.nodes[node.folder] is node for node in nodes.values())  # what is finished is known by it
    made_by = {key: [one.checkpoint for one in node.evaluations] for key, node in nodes.items()}
    own = {key: node.checkpoint for key, node in nodes.items()}
    assert made_by == {"trunk": [], "soidn": [own["trunk"], own["soidn"]], "other": [own["other"]]}
    assert nodes["soidn"].folder in nodes["other"].needs  # whose training may begin later for it
    assert nodes["soidn"].folder not in nodes["trunk"].needs
    for key, row in planned.items():
        (one,) = row.evaluations
        assert one.folder.is_relative_to(row.node.folder)
        assert f"--matched={own['soidn']}" in one.options, key


def test_a_row_whose_masks_are_of_a_row_that_is_left_out_is_not_compared_by_them() -> None:
    rows = {
        "trunk": PaperRow("Trunk", "trunk", matched="wrong"),
        "wrong": PaperRow("Wrong", "soidn", {"model.init_args.dropuot": 1}, starts_from=None),
    }
    paper = Paper("mine", "", rows, [Table("T", ["trunk"], [Column("c", ["test/rank1/none"])])])
    (row,) = add_paper(RunGraph(), paper, SETTING, [], [0], ["trunk"])
    assert (row.row, row.evaluations) == ("trunk", ())


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_rows_may_be_compared_by_each_other_s_masks(names: str) -> None:
    rows = {
        name: PaperRow(name, "soidn", {"model.init_args.segmentation_weight": 0.1 * (k + 1)}, matched=names[k - 1])
        for k, name in enumerate(names)
    }
    paper = Paper("mine", "", rows, [Table("T", [*names], [Column("c", ["test/rank1/none"])])])
    graph = RunGraph()
    planned = {row.row: row for row in add_paper(graph, paper, SETTING, [], [0], paper.rows)}
    trained = TopologicalSorter({folder: node.needs for folder, node in graph.nodes.items()})
    assert set(trained.static_order()) == set(graph.nodes)  # there is an order
    for k, name in enumerate(names):
        (one,) = planned[name].evaluations
        assert f"--matched={planned[names[k - 1]].node.checkpoint}" in one.options
        by = [node for node in graph.nodes.values() if one in node.evaluations]
        assert len(by) == 1
        assert {planned[name].node.folder, planned[names[k - 1]].node.folder} <= {by[0].folder, *by[0].needs}
