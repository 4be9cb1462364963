"""Runs are jobs once, whoever asks; a driver finds its jobs, and what fails names job and log."""

import os
import pickle
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.cluster.cluster_runner import ClusterRunner
from experiments.cluster.job_options import JobOptions
from experiments.cluster.node_job import NodeJob
from experiments.cluster.submitted_job import OVER, JobStates, SubmittedJob
from experiments.runs.process import StoppedError
from experiments.runs.run_graph import Node
from experiments.runs.run_record import RunRecord
from experiments.runs.spec import RunSpec
from tests.helpers.short_runs import until


def node() -> Node:
    return Node("alone", RunSpec("trunk_demo"), {"trainer": {}}, Path("runs/trunk/alone"))


class Cluster:
    """Stands in for one: jobs have numbers, and do in the end what they are told."""

    def __init__(self, act: Callable[[NodeJob], RunRecord]) -> None:
        self.act, self.submitted, self.refused = act, 0, ""
        self.how: dict[str, str] = {}

    def executor(self, folder: Path) -> "Cluster":
        self.folder = folder
        return self

    def submit(self, job: NodeJob) -> SimpleNamespace:
        if self.refused:
            raise RuntimeError(self.refused)
        self.submitted += 1
        number = str(self.submitted)
        job = pickle.loads(pickle.dumps(job))  # noqa: S301
        try:
            result: tuple[str, Any] = "success", self.act(job)
        except ValueError as error:
            result = "error", f"Traceback\n  File x\nValueError: {error}\n"
        except StoppedError:
            self.how[number] = "CANCELLED"
            return SimpleNamespace(job_id=number, paths=SimpleNamespace(folder=self.folder))
        (self.folder / f"{number}_0_result.pkl").write_bytes(pickle.dumps(result))
        return SimpleNamespace(job_id=number, paths=SimpleNamespace(folder=self.folder))

    def states(self) -> JobStates:
        states = JobStates()
        states.ended = lambda job: OVER if job.result.exists() else self.how.get(job.number, "")  # type: ignore[method-assign]
        return states


def done(job: NodeJob) -> RunRecord:
    record = RunRecord(status="done", evaluated=True, seconds=7.0)
    job.node.folder.mkdir(parents=True, exist_ok=True)
    record.save(job.node.folder)
    return record


def failing(job: NodeJob) -> RunRecord:
    return RunRecord(status="failed", error="it diverged")


def raising(job: NodeJob) -> RunRecord:
    raise ValueError("no such module")


def cancelled(job: NodeJob) -> RunRecord:
    raise StoppedError


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[ClusterRunner, Cluster, list[str]]]:
    def make(act: Callable[[NodeJob], RunRecord], **settings: Any) -> tuple[ClusterRunner, Cluster, list[str]]:
        cluster, told = Cluster(act), list[str]()
        monkeypatch.setattr(JobOptions, "executor", lambda _, folder, name: cluster.executor(folder))
        options = JobOptions("slurm", {})
        how = {"looks": 0.01, "patience": 0.02, **settings}
        made = ClusterRunner(options, states=cluster.states(), tell=told.append, **how)
        return made, cluster, told

    return make


Make = Callable[..., tuple[ClusterRunner, Cluster, list[str]]]


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # which submitting changes


def test_a_run_is_one_job_and_what_is_done_is_none(runner: Make) -> None:
    one, cluster, _ = runner(done)
    assert one.run(node()).seconds == 7.0
    assert one.run(node()).seconds == 7.0
    assert cluster.submitted == 1


@pytest.mark.parametrize(
    ("act", "error"),
    [(failing, "it diverged"), (raising, "ValueError: no such module"), (cancelled, "ended as CANCELLED")],
)
def test_what_fails_names_its_job_and_log(runner: Make, act: Callable[[NodeJob], RunRecord], error: str) -> None:
    one, cluster, told = runner(act)
    found = one.run(node())
    assert found.status == "failed"
    assert found.error.startswith(f"{error} (job 1 of slurm: ")
    assert found.error.endswith("runs/jobs/trunk-alone/0/1_0_log.err)")
    assert told[-1] == f"alone: failed: {found.error}"
    one.run(node())  # is tried again, as by the next driver
    assert cluster.submitted == 2


def test_a_job_that_is_queued_or_running_is_waited_for(runner: Make) -> None:
    running = {"1": ""}
    first, _, _ = runner(cancelled, is_stopping=lambda: True)
    first.states.ended = lambda job: running[job.number]  # type: ignore[method-assign]
    with pytest.raises(StoppedError):
        first.run(node())  # the driver ends, the job goes on
    second, other, told = runner(done)
    second.states.ended = lambda job: running[job.number]  # type: ignore[method-assign]

    def end() -> None:
        until(lambda: bool(told))  # it has been seen to be running
        done(NodeJob(node(), Path(), for_others=False, reserve=0))
        running["1"] = "COMPLETED"

    threading.Thread(target=end).start()
    assert second.run(node()).seconds == 7.0
    assert other.submitted == 0
    assert told[0] == f"alone: waiting for job 1 of slurm, submitted before, at {node().folder}"


def test_what_is_refused_by_the_cluster_is_said(runner: Make) -> None:
    one, cluster, _ = runner(done)
    cluster.refused = "sbatch: error: invalid partition specified: gpu"
    found = one.run(node())
    assert (found.status, found.error) == ("not run", f"not submitted: RuntimeError: {cluster.refused}")


def test_what_has_failed_in_another_s_job_meanwhile_is_not_submitted_again(runner: Make) -> None:
    one, cluster, _ = runner(done)
    one.look([node()])
    node().folder.mkdir(parents=True)
    RunRecord(status="failed", error="it diverged").save(node().folder)
    assert one.run(node()).error == "it diverged"
    assert cluster.submitted == 0


def test_a_result_that_appears_after_its_job_has_ended_counts(runner: Make) -> None:
    one, cluster, _ = runner(cancelled, patience=60.0)
    looked = list[str]()

    def completed(job: SubmittedJob) -> str:
        if not looked:  # as on a file system that shows late what another machine has written
            record = RunRecord(status="done", evaluated=True, seconds=7.0)
            threading.Timer(0.3, lambda: job.result.write_bytes(pickle.dumps(("success", record)))).start()
        looked.append(job.number)
        return OVER if job.result.exists() else "COMPLETED"

    one.states.ended = completed  # type: ignore[method-assign]
    assert one.run(node()).seconds == 7.0
    assert cluster.submitted == 1


def test_a_job_that_slurm_queues_again_after_its_machine_has_failed_is_waited_for(runner: Make) -> None:
    one, cluster, _ = runner(cancelled)
    said = iter(["NODE_FAIL", "", "", ""])

    def states(job: SubmittedJob) -> str:
        state = next(said, OVER)
        if state == OVER:
            job.result.write_bytes(pickle.dumps(("success", RunRecord(status="done", evaluated=True, seconds=7.0))))
        return state

    one.states.ended = states  # type: ignore[method-assign]
    assert one.run(node()).seconds == 7.0
    assert cluster.submitted == 1


def test_a_job_of_another_machine_itself_is_not_waited_for(runner: Make) -> None:
    SubmittedJob("local", "7", "jobs/7", "another-machine").save(node().folder)
    one, cluster, _ = runner(done)
    one.states.ended = lambda job: OVER if job.result.exists() else ""  # type: ignore[method-assign]  # nobody knows
    assert one.run(node()).seconds == 7.0
    assert cluster.submitted == 1


def test_many_that_submit_at_once_leave_stderr_as_it_was(runner: Make) -> None:
    both, seen, before = Barrier(2), list[Any](), sys.stderr

    def meets(job: NodeJob) -> RunRecord:
        seen.append(sys.stderr)
        with suppress(BrokenBarrierError):
            both.wait(0.3)  # both submit, if they can
        return done(job)

    one, _, _ = runner(meets)
    nodes = [replace(node(), name=name, folder=Path("runs/trunk") / name) for name in ("one", "other")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(one.run, nodes))
    assert before not in seen
    assert sys.stderr is before
