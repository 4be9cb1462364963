"""A job does what a runner does, and leaves its training resumable when its time is up."""

import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments.cluster.node_job import NodeJob
from experiments.runs.process import Processes, StoppedError
from experiments.runs.run_graph import LAST, Node
from experiments.runs.run_record import recorded
from experiments.runs.spec import RunSpec
from tests.helpers.short_runs import events, short_python, until


def node() -> Node:
    return Node("alone", RunSpec("trunk_demo"), {"trainer": {}}, Path("runs/trunk/alone"))


def train(self: Processes, module: str, args: Sequence[str], log: Path, lock: int, environment: dict[str, str]) -> None:
    assert environment["SLURM_JOB_NAME"] == "interactive"
    (log.parent / "history.json").write_text(json.dumps([{"epoch": 1, "seconds": 2.5}]))
    (log.parent / "metrics.json").write_text(json.dumps({"metrics": {"test/rank1/none": 0.25}}))


def test_a_job_does_what_a_runner_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Processes, "call", train)
    assert NodeJob(node(), Path.cwd(), for_others=False, reserve=0)().measures == {"test/rank1/none": 0.25}
    assert recorded(node().folder).status == "done"


def test_a_job_whose_time_is_up_ends_its_training_and_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.runs.process.python", short_python)
    monkeypatch.setenv("SHORT_RUN", "600")
    monkeypatch.setattr("experiments.cluster.node_job.ENDED_BY_SLURM", 0)
    job = NodeJob(node(), Path.cwd(), for_others=False, reserve=0)
    going_on: list[Any] = []

    def time_is_up() -> None:
        until(lambda: bool(events("begun")))
        assert job._processes is not None
        training = next(iter(job._processes._running)).pid
        os.kill(training, signal.SIGUSR2)  # SLURM sends it to all processes
        time.sleep(0.2)
        assert not events("stopped")
        going_on.append(job.checkpoint())

    thread = threading.Thread(target=time_is_up)
    thread.start()
    with pytest.raises(StoppedError):
        job()
    thread.join()
    assert events("stopped") == [str(node().folder)]
    assert recorded(node().folder).status == "not run"
    monkeypatch.setenv("SHORT_RUN", "0")
    again = going_on[0].function
    assert again().status == "done"
    assert (node().folder / LAST).exists()
