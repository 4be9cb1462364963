"""Runs happen once, are resumed where they stopped, fail alone, and wait for room on the disk."""

import json
import os
import shutil
import signal
import time
from collections import namedtuple
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.runs.lease import Lease
from experiments.runs.process import Processes, StoppedError
from experiments.runs.run_graph import LAST, Node, RunGraph
from experiments.runs.run_record import RECORD, Evaluation, RunRecord, recorded
from experiments.runs.run_schedule import left, run_all
from experiments.runs.runner import Runner
from experiments.runs.spec import RunSpec

LAST_CKPT = f"--ckpt_path={{}}/{LAST}"
Act = Callable[[Path, Sequence[str]], None]


def graph_of(*protocols: str) -> RunGraph:
    """Return a trunk, a baseline that depends on it, and a run by itself."""
    graph = RunGraph()
    nodes: dict[str, Node] = {}
    for name, needs in (("trunk", ()), ("baseline", ("trunk",)), ("alone", ())):
        folder = Path("runs/trunk") / name
        evaluations = tuple(
            Evaluation(one.partition("-")[0], folder / one, folder / LAST, (f"--protocol={one}",)) for one in protocols
        )
        nodes[name] = Node(
            name,
            RunSpec("trunk_demo"),
            {"trainer": {}},
            folder,
            needs=tuple(nodes[need].folder for need in needs),
            evaluations=evaluations,
        )
        graph.nodes[folder] = nodes[name]
    return graph


def train(folder: Path, args: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.json").write_text(json.dumps([{"epoch": 1, "seconds": 2.5, "val/loss": 0.5}]))
    (folder / "metrics.json").write_text(json.dumps({"metrics": {"test/rank1/none": 0.25, "test/eer/none": None}}))
    write_checkpoint(folder / LAST)


def write_checkpoint(path: Path, value: float = 0.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": {"network.weight": torch.full((1,), value)}}, path)


def work(value: float) -> Act:
    """Return a stand-in for trainings and for evaluations, which find a value."""

    def act(folder: Path, args: Sequence[str]) -> None:
        if not any(word.startswith("--protocol=") for word in args):
            train(folder, args)
            return
        found = {folder.name.partition("-")[0]: {"scarf": {"rank1": value, "eer": None}}}
        (folder / "results.json").write_text(json.dumps({"SOIDN (a-b)": found}))

    return act


class Stage:
    """Runs a function in the place of each command, and remembers which."""

    def __init__(self, act: Act = train) -> None:
        self.act = act
        self.called: list[str] = []
        self.words: dict[str, Sequence[str]] = {}
        self.told: list[str] = []
        self.processes = Processes()

    def call(self, module: str, args: Sequence[str], log: Path, lock: int) -> None:
        name = log.parent.name
        self.called.append(name)
        self.words[name] = args
        self.act(log.parent, args)

    def runner(self, **settings: Any) -> Runner:
        stopping: Any = lambda: self.processes.stopping  # noqa: E731
        return Runner(self.call, tell=self.told.append, is_stopping=stopping, **settings)

    def outcome(self, graph: RunGraph, *names: str, parallel: int = 2, **settings: Any) -> dict[str, RunRecord]:
        """Run what is left; return what became of all."""
        wanted = [node for node in graph.nodes.values() if not names or node.name in names]
        runs = run_all(graph, wanted, self.runner(**settings), self.processes, parallel=parallel)
        ended = {node.name: record for node, record in runs}
        return {node.name: ended.get(node.name, recorded(node.folder)) for node in wanted}


def node(name: str, *protocols: str) -> Node:
    return graph_of(*protocols).nodes[Path("runs/trunk") / name]


def test_a_finished_run_is_not_run_again() -> None:
    first, again = Stage(), Stage()
    runs = first.outcome(graph_of())
    assert sorted(first.called) == ["alone", "baseline", "trunk"]
    assert first.called.index("trunk") < first.called.index("baseline")
    assert again.outcome(graph_of()) == runs
    assert again.called == []
    assert {run.status for run in runs.values()} == {"done"}
    assert runs["trunk"].measures == {"val/loss": 0.5, "test/rank1/none": 0.25}
    assert (runs["trunk"].seconds, runs["trunk"].evaluated) == (2.5, True)


def test_what_only_finished_runs_depend_on_may_be_gone() -> None:
    Stage().outcome(graph_of())
    shutil.rmtree("runs/trunk/trunk")
    again = Stage()
    again.outcome(graph_of(), "baseline", "alone")
    assert again.called == []
    shutil.rmtree("runs/trunk/baseline")
    again.outcome(graph_of(), "baseline", "alone")
    assert again.called == ["trunk", "baseline"]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: write_checkpoint(path, 1.0)])
def test_what_others_go_on_from_is_as_it_was_left_or_is_run_anew(damage: Callable[[Path], None]) -> None:
    Stage().outcome(graph_of(), "trunk")
    damage(Path("runs/trunk/trunk") / LAST)
    finished = Stage()
    finished.outcome(graph_of(), "trunk")
    assert finished.called == []  # its figures are there
    again = Stage()
    again.outcome(graph_of(), "baseline")
    assert again.called == ["trunk", "baseline"]
    assert not any(word.startswith("--ckpt_path") for word in again.words["trunk"])
    assert "trunk: not the one that was run before: runs/trunk/trunk/checkpoints/last.ckpt: expected" in again.told[0]


def test_a_run_that_leaves_nothing_is_no_start() -> None:
    def leave_nothing(folder: Path, args: Sequence[str]) -> None:
        train(folder, args)
        (folder / LAST).unlink()

    runs = Stage(leave_nothing).outcome(graph_of())
    assert "checkpoints/last.ckpt: expected the weights that it was trained to" in runs["trunk"].error
    assert runs["baseline"].error == "depends on trunk, which is not there"


def test_a_training_without_its_evaluation_is_only_evaluated() -> None:
    def unevaluated(folder: Path, args: Sequence[str]) -> None:
        train(folder, args)
        (folder / "metrics.json").unlink()

    graph, whole = graph_of(), graph_of()
    graph.nodes = {folder: replace(one, evaluates=False) for folder, one in graph.nodes.items()}
    assert Stage(unevaluated).outcome(graph, "alone")["alone"].status == "done"
    again = Stage()
    assert again.outcome(graph, "alone")["alone"].status == "done"
    assert again.called == []
    assert again.outcome(whole, "alone")["alone"].evaluated
    assert again.words["alone"][-1] == LAST_CKPT.format("runs/trunk/alone")


def test_a_finished_training_is_evaluated_by_what_is_asked_for_and_keeps_what_others_found() -> None:
    Stage().outcome(graph_of())
    called, found = {}, {}
    for value, (name, protocols) in enumerate({"ar": ["ar-1"], "other": ["ar-2"], "both": ["lfw-1", "ar-1"]}.items()):
        stage, graph = Stage(work(float(value))), graph_of(*protocols)
        stage.outcome(graph)
        found[name] = [one.recalled() for one in graph.nodes[Path("runs/trunk/alone")].evaluations]
        called[name] = sorted(stage.called)
    assert called == {"ar": ["ar-1"] * 3, "other": ["ar-2"] * 3, "both": ["lfw-1"] * 3}
    assert found["ar"] == [{"ar/scarf/rank1": 0.0}]
    assert found["other"] == [{"ar/scarf/rank1": 1.0}]
    assert found["both"] == [{"lfw/scarf/rank1": 2.0}, {"ar/scarf/rank1": 0.0}]


def test_an_evaluation_that_fails_leaves_the_training_and_is_tried_again() -> None:
    def fail(folder: Path, args: Sequence[str]) -> None:
        if folder.name.startswith("ar"):
            raise RuntimeError("Expected another AR")
        work(0.5)(folder, args)

    graph = graph_of("ar-1", "lfw-1")
    runs = Stage(fail).outcome(graph)
    assert {run.status for run in runs.values()} == {"done"}  # and so those that depend on one
    assert runs["trunk"].unevaluated == {"ar": "Expected another AR"}
    assert graph.nodes[Path("runs/trunk/trunk")].evaluations[1].recalled() == {"lfw/scarf/rank1": 0.5}
    mended = Stage(work(0.75))
    assert mended.outcome(graph)["trunk"].unevaluated == {}
    assert sorted(mended.called) == ["ar-1"] * 3


def damaged(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.parametrize("file", ["record.json", "history.json", "metrics.json", "evaluation"])
@pytest.mark.parametrize("damage", [damaged, lambda text: "", lambda text: "[]"])
def test_what_a_damaged_file_says_is_not_done(file: str, damage: Callable[[str], str]) -> None:
    graph = graph_of("ar-1")
    before = Stage(work(0.5)).outcome(graph, "alone")
    alone = node("alone", "ar-1")
    paths = (
        [alone.evaluations[0].folder / RECORD] if file == "evaluation" else [alone.folder / file, alone.folder / RECORD]
    )
    for path in paths:
        path.write_text(damage(path.read_text()))
    again = Stage(work(0.5))
    found = again.outcome(graph, "alone")
    assert again.called == {"record.json": [], "evaluation": ["ar-1"]}.get(file, ["alone"])
    assert found["alone"].measures == before["alone"].measures
    assert found["alone"].status == "done"


def test_results_of_another_protocol_are_none() -> None:
    def mix(folder: Path, args: Sequence[str]) -> None:
        work(0.5)(folder, args)
        if folder.name.startswith("ar"):
            (folder / "results.json").write_text(json.dumps({"SOIDN (a-b)": {"lfw": {"all": {"accuracy": 0.5}}}}))

    graph = graph_of("ar-1")
    runs = Stage(mix).outcome(graph)
    assert "expected results of ar, got others" in runs["alone"].unevaluated["ar"]
    assert graph.nodes[Path("runs/trunk/alone")].evaluations[0].recalled() is None


def test_a_failure_stops_what_depends_on_it_and_nothing_else() -> None:
    def fail(folder: Path, args: Sequence[str]) -> None:
        if folder.name == "trunk":
            raise RuntimeError("Expected a better trunk")
        train(folder, args)

    runs = Stage(fail).outcome(graph_of())
    assert {row: run.status for row, run in runs.items()} == {"trunk": "failed", "baseline": "not run", "alone": "done"}
    assert runs["trunk"].error == "Expected a better trunk"
    assert runs["baseline"].error == "depends on trunk, which is not there"
    mended = Stage()
    assert {run.status for run in mended.outcome(graph_of()).values()} == {"done"}
    assert sorted(mended.called) == ["baseline", "trunk"]


def test_nothing_is_started_on_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    free = [3 << 30]

    def fill(folder: Path, args: Sequence[str]) -> None:
        train(folder, args)
        free[0] = 1 << 29

    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free[0]))
    stage = Stage(fill)
    runs = stage.outcome(graph_of(), parallel=1, reserve=2 << 30)
    assert len(stage.called) == 1
    assert sorted(run.status for run in runs.values()) == ["done", "not run", "not run"]
    errors = {run.error for run in runs.values() if run.status != "done"}
    assert any("expected 2.0 GiB free in " in error and "got 0.5" in error for error in errors)


def test_a_run_that_was_cut_off_is_resumed_from_its_last_checkpoint() -> None:
    graph = graph_of()
    whole, broken, lost = graph.nodes
    for folder in graph.nodes:
        write_checkpoint(folder / LAST)
    write_checkpoint(broken / "checkpoints/best.ckpt")
    for folder in (broken, lost):
        (folder / LAST).write_bytes(b"")
    stage = Stage()
    stage.outcome(graph)
    resumed = {args[-1] for args in stage.words.values() if args[-1].startswith("--ckpt_path=")}
    assert resumed == {LAST_CKPT.format(whole), f"--ckpt_path={broken / 'checkpoints/best.ckpt'}"}
    said = "\n".join(stage.told)
    assert f"last.ckpt is damaged; resuming from {broken / 'checkpoints/best.ckpt'}, the one before" in said
    assert f"got {lost / LAST}, which is damaged" in said
    assert "none before it; training it anew" in said


def test_what_is_copied_before_a_run_is_not_copied_again_when_it_is_resumed() -> None:
    Path("map.npz").write_text("first")
    alone = node("alone")
    alone = replace(alone, copies={alone.folder / "map.npz": Path("map.npz")})

    def cut_off(folder: Path, args: Sequence[str]) -> None:
        write_checkpoint(folder / LAST)
        (folder / "map.npz").write_text("of a later epoch")
        raise RuntimeError("killed")

    assert Stage(cut_off).runner().run(alone).status == "failed"
    assert Stage().runner().run(alone).status == "done"
    assert (alone.folder / "map.npz").read_text() == "of a later epoch"


def test_a_trial_of_whether_all_goes_well_leaves_nothing() -> None:
    stage = Stage(lambda folder, args: None)
    stage.runner().run(replace(node("alone"), trial=True))
    assert stage.called == [""]
    assert not Path("runs").exists()


def test_asked_to_stop_it_begins_no_other() -> None:
    stage = Stage()

    def stop(folder: Path, args: Sequence[str]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        while not stage.processes.stopping:
            time.sleep(0.01)
        raise StoppedError

    stage.act, graph = stop, graph_of()
    with pytest.raises(KeyboardInterrupt):
        stage.outcome(graph, parallel=1)
    assert len(stage.told) == 1
    assert sum(folder.exists() for folder in graph.nodes) == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_run_that_another_process_is_at_is_waited_for_and_not_run_again() -> None:
    alone = node("alone")
    alone.folder.mkdir(parents=True)
    stage = Stage()
    other = Lease(alone.folder.with_name(".alone.lease"))
    with ThreadPoolExecutor() as pool:
        assert other.take()
        found = pool.submit(stage.runner().run, alone)
        stopped = Runner(stage.call, tell=stage.told.append, is_stopping=lambda: True)
        ended = pool.submit(stopped.run, alone)
        with pytest.raises(StoppedError):
            ended.result(60)
        while len(stage.told) < 2:
            time.sleep(0.01)
        assert stage.told == [f"alone: waiting for another process at {alone.folder}"] * 2
        RunRecord(status="done", evaluated=True, seconds=7.0).save(alone.folder)
        assert not found.done()
        other.give_back()
        assert found.result(60).seconds == 7.0
    assert stage.called == []


def test_what_another_process_is_at_is_left_to_it_and_others_are_run_meanwhile() -> None:
    graph, stage = graph_of(), Stage()
    trunk = node("trunk")
    trunk.folder.parent.mkdir(parents=True)
    other = Lease(trunk.folder.with_name(".trunk.lease"))
    assert other.take()

    def end_other(folder: Path, args: Sequence[str]) -> None:
        train(folder, args)
        if folder.name == "alone":  # the only one that is free
            elsewhere = Stage()
            with ThreadPoolExecutor() as pool:
                found = pool.submit(elsewhere.runner().run, trunk, for_others=True)
                other.give_back()
                assert found.result(60).status == "done"
            assert elsewhere.called == ["trunk"]

    stage.act = end_other
    found = stage.outcome(graph, parallel=1)
    assert stage.called == ["alone", "baseline"]
    assert {run.status for run in found.values()} == {"done"}
    assert stage.told[0] == f"trunk: waiting for another process at {trunk.folder}"


def test_what_fails_in_another_process_meanwhile_is_not_tried_again() -> None:
    def fail(folder: Path, args: Sequence[str]) -> None:
        raise RuntimeError("Expected a better trunk")

    def fail_elsewhere(folder: Path, args: Sequence[str]) -> None:
        train(folder, args)
        Stage(fail).runner().run(node("trunk"))

    assert Stage(fail).runner().run(node("trunk")).status == "failed"  # before: is tried again
    graph, stage = graph_of(), Stage(fail_elsewhere)
    graph.nodes = {folder: graph.nodes[folder] for folder in sorted(graph.nodes)}  # alone comes first
    found = stage.outcome(graph, parallel=1)
    assert stage.called == ["alone"]
    assert found["trunk"].error == "Expected a better trunk"
    assert found["baseline"].error == "depends on trunk, which is not there"
    assert Stage().outcome(graph)["baseline"].status == "done"


@pytest.mark.parametrize("ends_well", [False, True])
def test_who_has_lost_its_run_to_another_writes_nothing_there(monkeypatch: pytest.MonkeyPatch, ends_well: bool) -> None:
    def lose(folder: Path, args: Sequence[str]) -> None:
        monkeypatch.setattr(Lease, "lost", True)
        if not ends_well:
            raise RuntimeError("ended by signal SIGTERM")
        train(folder, args)

    found = Stage(lose).runner().run(node("alone"))
    assert found.status == "failed"
    assert found.error == "another process has taken over runs/trunk/alone, as this one was silent"
    assert not (node("alone").folder / RECORD).exists()


def test_what_is_left_is_in_order_and_says_what_others_depend_on() -> None:
    graph = graph_of()
    trunk, baseline, alone = graph.nodes
    assert left(graph, list(graph.nodes.values())) == {trunk: True, baseline: False, alone: False}
    assert left(graph, [graph.nodes[alone]]) == {alone: False}
    assert left(graph, [graph.nodes[baseline]]) == {trunk: True, baseline: False}
