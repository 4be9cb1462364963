"""Jobs run once, go on where they stopped, fail alone, and wait for room on the disk."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from experiments.commands import try_lock
from experiments.launch import DataChoice
from experiments.reproduce import reproduce
from experiments.reproduction.declaration import load
from experiments.reproduction.plan import Job, Setting, plan
from experiments.reproduction.protocols import Protocol
from experiments.reproduction.records import RECORD, Run
from experiments.reproduction.runner import Runner, StoppedError
from tests.experiments.conftest import Options
from tests.helpers.processes import ROOT, run_module

AR = Protocol("ar", ("--protocol=ar", "--ar=AR"), "some files")
OTHER_AR = AR._replace(files="other files")
LFW = Protocol("lfw", ("--protocol=lfw", "--root=LFW"), "its files")
DECLARED = {
    "title": "Mine",
    "source": "none",
    "seeds": [0],
    "rows": {
        "trunk": {"name": "Trunk", "config": "trunk", "options": {"model.init_args.dropout": 0.5}},
        "baseline": {
            "name": "Baseline",
            "config": "baseline",
            "options": {"model.init_args.initial_weights": "${trunk}/checkpoints/last.ckpt"},
        },
        "alone": {"name": "Alone", "config": "baseline"},
    },
    "tables": [
        {
            "title": "Table",
            "rows": ["trunk", "baseline", "alone"],
            "columns": [{"name": "rank-1", "measures": ["test/rank1/occluded"]}],
        }
    ],
}


@pytest.fixture
def declared(alone: Path) -> Path:
    path = alone / "mine.yaml"
    path.write_text(yaml.safe_dump(DECLARED))
    return path


class Recorder(Runner):
    """Runs a function in the place of each command."""

    def __init__(self, act: Any, **settings: Any) -> None:
        super().__init__(parallel=2, reserve=0, tell=lambda line: None, **settings)
        self.act = act
        self.called: list[str] = []

    def _call(self, folder: Path, module: str, args: Any, log: str, lock: int) -> None:
        self.called.append(folder.name.partition("-")[0])
        self.act(folder, args)


def jobs_of(declared: Path, *protocols: Protocol) -> list[Job]:
    return plan(load(declared), Setting("demo", DataChoice([]), "", None, protocols, [], Path("runs")), [0])


def train(folder: Path, args: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.json").write_text(json.dumps([{"epoch": 1, "seconds": 2.5, "val/loss": 0.5}]))
    (folder / "metrics.json").write_text(json.dumps({"metrics": {"test/rank1/none": 0.25, "test/eer/none": None}}))


def work(value: float) -> Callable[[Path, Any], None]:
    """Return a stand-in for trainings and for evaluations, which find a value."""

    def act(folder: Path, args: Any) -> None:
        protocol = folder.name.partition("-")[0]
        if f"--protocol={protocol}" not in args:
            train(folder, args)
            return
        found = {protocol: {"scarf": {"rank1": value, "eer": None}}}
        (folder / "results.json").write_text(json.dumps({"SOIDN (a-b)": found}))

    return act


def outcome(runner: Runner, jobs: list[Job]) -> dict[str, Run]:
    return {run.row: run for run in runner.run(jobs)}


def test_a_done_run_is_not_run_again(declared: Path) -> None:
    jobs = jobs_of(declared)
    first, again = Recorder(train), Recorder(train)
    runs = outcome(first, jobs)
    assert sorted(first.called) == ["alone", "baseline", "trunk"]
    assert first.called.index("trunk") < first.called.index("baseline")
    assert outcome(again, jobs) == runs
    assert again.called == []
    assert {run.status for run in runs.values()} == {"done"}
    assert runs["trunk"].measures == {"val/loss": 0.5, "test/rank1/none": 0.25}
    assert runs["trunk"].seconds == 2.5


def test_a_finished_training_is_evaluated_by_what_is_asked_for_and_keeps_what_others_found(declared: Path) -> None:
    asked = {"ar": [AR], "other": [OTHER_AR], "both": [LFW, AR], "none": []}
    called, measures = {}, {}
    outcome(Recorder(train), jobs_of(declared))
    for value, (name, protocols) in enumerate(asked.items()):
        runner = Recorder(work(float(value)))
        measures[name] = outcome(runner, jobs_of(declared, *protocols))["alone"].measures
        called[name] = sorted(runner.called)
    assert called == {"ar": ["ar"] * 3, "other": ["ar"] * 3, "both": ["lfw"] * 3, "none": []}
    own = {"val/loss": 0.5, "test/rank1/none": 0.25}
    assert measures["ar"] == own | {"ar/scarf/rank1": 0.0}
    assert measures["other"] == own | {"ar/scarf/rank1": 1.0}
    assert measures["both"] == own | {"ar/scarf/rank1": 0.0, "lfw/scarf/rank1": 2.0}
    assert measures["none"] == own


def test_an_evaluation_that_fails_leaves_the_training_and_is_tried_again(declared: Path) -> None:
    def fail(folder: Path, args: Any) -> None:
        if folder.name.startswith("ar"):
            raise RuntimeError("Expected another AR")
        work(0.5)(folder, args)

    jobs = jobs_of(declared, AR, LFW)
    runs = outcome(Recorder(fail), jobs)
    assert {run.status for run in runs.values()} == {"done"}  # and so those that go on from one
    assert runs["trunk"].unevaluated == {"ar": "Expected another AR"}
    assert runs["trunk"].measures["lfw/scarf/rank1"] == 0.5
    mended = Recorder(work(0.75))
    assert outcome(mended, jobs)["trunk"].unevaluated == {}
    assert sorted(mended.called) == ["ar"] * 3


def damaged(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.parametrize("file", ["record.json", "history.json", "metrics.json", "evaluation"])
@pytest.mark.parametrize("damage", [damaged, lambda text: "", lambda text: "[]"])
def test_what_a_damaged_file_says_is_not_done(declared: Path, file: str, damage: Callable[[str], str]) -> None:
    (job,) = [job for job in jobs_of(declared, AR) if job.run.row == "alone"]
    before = outcome(Recorder(work(0.5)), [job])
    paths = [job.evaluations[0].folder / RECORD] if file == "evaluation" else [job.folder / file, job.folder / RECORD]
    for path in paths:
        path.write_text(damage(path.read_text()))
    again = Recorder(work(0.5))
    found = outcome(again, [job])
    assert again.called == {"record.json": [], "evaluation": ["ar"]}.get(file, ["alone"])
    assert found["alone"].measures == before["alone"].measures
    assert found["alone"].status == "done"


def test_results_of_another_protocol_are_none(declared: Path) -> None:
    def mix(folder: Path, args: Any) -> None:
        work(0.5)(folder, args)
        if folder.name.startswith("ar"):
            (folder / "results.json").write_text(json.dumps({"SOIDN (a-b)": {"lfw": {"all": {"accuracy": 0.5}}}}))

    runs = outcome(Recorder(mix), jobs_of(declared, AR))
    assert "expected results of ar, got others" in runs["alone"].unevaluated["ar"]
    assert not [name for name in runs["alone"].measures if name.startswith(("ar", "lfw"))]


def test_a_failure_stops_what_goes_on_from_it_and_nothing_else(declared: Path) -> None:
    def fail(folder: Path, args: Any) -> None:
        if folder.name.startswith("trunk"):
            raise RuntimeError("Expected a better trunk")
        train(folder, args)

    runs = outcome(Recorder(fail), jobs_of(declared))
    assert {row: run.status for row, run in runs.items()} == {"trunk": "failed", "baseline": "not run", "alone": "done"}
    assert runs["trunk"].error == "Expected a better trunk"
    assert runs["baseline"].error == "goes on from trunk, which is not there"
    mended = Recorder(train)
    assert {run.status for run in outcome(mended, jobs_of(declared)).values()} == {"done"}
    assert sorted(mended.called) == ["baseline", "trunk"]


def test_nothing_is_started_on_a_full_disk(declared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    free = [3 << 30]

    def fill(folder: Path, args: Any) -> None:
        train(folder, args)
        free[0] = 1 << 29

    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free[0]))
    runner = Recorder(fill)
    runner.parallel, runner.reserve = 1, 2 << 30
    runs = outcome(runner, jobs_of(declared))
    assert len(runner.called) == 1
    assert sorted(run.status for run in runs.values()) == ["done", "not run", "not run"]
    errors = {run.error for run in runs.values() if run.status != "done"}
    assert any("expected 2.0 GiB free in " in error and "got 0.5" in error for error in errors)


def test_a_run_that_was_cut_off_goes_on_from_its_last_checkpoint(declared: Path) -> None:
    jobs = jobs_of(declared)
    words: dict[str, Any] = {}

    def note(folder: Path, args: Any) -> None:
        words[folder.name] = args
        train(folder, args)

    whole, damaged, lost = jobs
    for job in jobs:
        write_checkpoint(job.folder / "checkpoints/last.ckpt")
    write_checkpoint(damaged.folder / "checkpoints/best.ckpt")
    for job in (damaged, lost):
        (job.folder / "checkpoints/last.ckpt").write_bytes(b"")
    told: list[str] = []
    runner = Recorder(note)
    runner.tell = told.append
    outcome(runner, jobs)
    resumed = {args[-1] for args in words.values() if args[-1].startswith("--ckpt_path=")}
    assert resumed == {
        f"--ckpt_path={whole.folder / 'checkpoints/last.ckpt'}",
        f"--ckpt_path={damaged.folder / 'checkpoints/best.ckpt'}",
    }
    said = "\n".join(told)
    assert f"last.ckpt is damaged; going on from {damaged.folder / 'checkpoints/best.ckpt'}, the one before" in said
    assert f"got {lost.folder / 'checkpoints/last.ckpt'}, which is damaged" in said
    assert "none before it; training it anew" in said


def write_checkpoint(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": {"network.weight": torch.zeros(1)}}, path)


def test_asked_to_stop_it_begins_no_other(declared: Path) -> None:
    def stop(folder: Path, args: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        while not runner._stopping:
            time.sleep(0.01)
        raise StoppedError

    told: list[str] = []
    runner = Recorder(stop)
    runner.parallel, runner.tell = 1, told.append
    jobs = jobs_of(declared)
    with pytest.raises(KeyboardInterrupt):
        list(runner.run(jobs))
    assert len(told) == 1
    assert sum(job.folder.exists() for job in jobs) == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_run_that_another_process_is_at_is_waited_for_and_not_run_again(declared: Path) -> None:
    (job,) = [job for job in jobs_of(declared) if job.run.row == "alone"]
    job.folder.mkdir(parents=True)
    with ThreadPoolExecutor() as pool, (job.folder / "lock").open("w") as other:
        assert try_lock(other)
        waiting, stopped = Recorder(train), Recorder(train)
        told: list[str] = []
        waiting.tell = stopped.tell = told.append
        found = pool.submit(waiting._run, job, [])
        ended = pool.submit(stopped._run, job, [])
        while len(told) < 2:
            time.sleep(0.01)
        stopped._stopping = True
        assert ended.result(60).error == "stopped"
        assert told == [f"alone, seed 0: waiting for another process at {job.folder}"] * 2
        replace(job.run, status="done", seconds=7.0).save()
        assert not found.done()
        other.close()
        assert found.result(60).seconds == 7.0
    assert waiting.called == stopped.called == []


def test_a_process_holds_its_run_when_nothing_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.reproduction.runner.python", lambda module, args: ["sleep", "600"])
    runner = Recorder(train)
    with (tmp_path / "lock").open("w") as lock, (tmp_path / "lock").open("w") as next_one, ThreadPoolExecutor() as pool:
        assert try_lock(lock)
        called = pool.submit(Runner._call, runner, tmp_path, "", [], "log.txt", lock.fileno())
        while not runner._processes:
            time.sleep(0.01)
        lock.close()
        assert not try_lock(next_one)
        next(iter(runner._processes)).kill()
        with pytest.raises(RuntimeError, match="SIGKILL"):
            called.result(60)
        assert try_lock(next_one)


def test_dry_run_shows_commands_and_runs_none(declared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce([str(declared), "--dry-run", "--seeds", "0", "1", "--rows", "baseline"])
    shown = capsys.readouterr().out
    assert shown.count("python -m experiments.train fit") == 4  # and what it goes on from, with each seed
    assert "alone" not in shown
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["soind"], "expected the name of a reproduction, got 'soind'; did you mean 'soidn'"),
        (["soidn", "--rows", "trunc"], "expected the name of a row, got 'trunc'; did you mean 'trunk'"),
        (["soidn", "--rows", "trunk", "--trainer.max_epoch=1"], "row trunk: .*max_epoch"),
    ],
)
def test_mistakes_show_before_anything_is_run(args: list[str], message: str) -> None:
    from experiments.cli import UserError

    with pytest.raises(UserError, match=message):
        reproduce(args)
    assert not Path("runs").exists()


def arguments(declared: Path, tiny: Options) -> list[str]:
    options = [*tiny, "--trainer.max_epochs=3", "--trainer.enable_progress_bar=true", "--reserve=0.01"]
    return [str(declared), "--rows", "baseline", *options]


def results(folder: Path) -> dict[str, Any]:
    """Return what a reproduction measured, without times."""
    found = {}
    for path in (folder / "runs").rglob("record.json"):
        record = json.loads(path.read_text())
        history = [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in record["history"]]
        found[record["row"]] = (record["status"], record["measures"], history)
    return found


@pytest.mark.slow
def test_killed_and_started_again_it_reports_what_an_undisturbed_run_does(
    declared: Path, tiny: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    args = arguments(declared, tiny)
    with monkeypatch.context() as undisturbed:
        undisturbed.chdir(whole)
        undisturbed.setattr(Runner, "_call", lambda self, folder, module, args, log, lock: run_module(module, *args))
        reproduce(args)

    words = [sys.executable, "-m", "experiments.reproduce", *args]
    process = subprocess.Popen(words, cwd=killed, stdout=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    deadline = time.monotonic() + 400
    while not list(killed.rglob("trunk-*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)  # jobs and all, in the middle of an epoch
    process.wait()
    assert results(killed) == {}
    assert list(killed.rglob("trunk-*/checkpoints/last.ckpt"))

    with monkeypatch.context() as again:
        again.chdir(killed)
        reproduce(args)
    assert results(killed) == results(whole)
    assert {status for status, *_ in results(whole).values()} == {"done"}
    for folder in (whole, killed):
        assert (folder / "runs/reproduce/mine/report.html").stat().st_size > 0
