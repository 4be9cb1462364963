"""Jobs are found again by the file beside their runs; SLURM is asked once for all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.cluster.submitted_job import GONE, OVER, JobStates, job_of, submitted
from tests.helpers.short_runs import until

Squeue = Path


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Squeue:
    """Stand in for SLURM's command: it counts its calls and says what is in a file."""
    program = tmp_path / "bin/squeue"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho call >> {tmp_path}/calls\ncat {tmp_path}/answer\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "answer"


def test_a_job_is_found_again_beside_its_run(tmp_path: Path) -> None:
    run = tmp_path / "trunk/abc"
    assert job_of(run) is None
    job = submitted("slurm", "17", tmp_path / "jobs/17")
    job.save(run)
    assert job_of(run) == job
    assert not run.exists()
    (tmp_path / "trunk/.abc.job").write_text("{")
    assert job_of(run) is None


@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        ("17 RUNNING\n", ""),
        ("17 PENDING\n", ""),
        ("17 REQUEUED\n", ""),
        ("17 PREEMPTED\n", ""),
        ("17 CANCELLED\n", "CANCELLED"),
        ("17 TIMEOUT\n", "TIMEOUT"),
        ("17 OUT_OF_MEMORY\n", "OUT_OF_MEMORY"),
        ("18 RUNNING\n", GONE),
        ("", GONE),
    ],
)
def test_what_slurm_says_of_a_job(squeue: Squeue, tmp_path: Path, answer: str, ended: str) -> None:
    squeue.write_text(answer)
    assert JobStates().ended(submitted("slurm", "17", tmp_path)) == ended


def test_slurm_is_asked_once_for_all_jobs_and_its_silence_ends_none(squeue: Squeue, tmp_path: Path) -> None:
    squeue.write_text("17 RUNNING\n18 FAILED\n")
    states = JobStates(seconds=600)
    assert [states.ended(submitted("slurm", number, tmp_path)) for number in ("17", "18", "17")] == ["", "FAILED", ""]
    assert (tmp_path / "calls").read_text() == "call\n"
    squeue.unlink()  # the command fails
    states.forget()
    assert [states.ended(submitted("slurm", number, tmp_path)) for number in ("17", "18")] == ["", ""]


def test_a_job_that_another_driver_has_submitted_since_slurm_answered_is_not_gone(
    squeue: Squeue, tmp_path: Path
) -> None:
    squeue.write_text("17 RUNNING\n")
    states = JobStates(seconds=600)
    assert states.ended(submitted("slurm", "17", tmp_path)) == ""
    squeue.write_text("17 RUNNING\n18 PENDING\n")
    assert states.ended(submitted("slurm", "18", tmp_path)) == ""
    assert (tmp_path / "calls").read_text() == "call\n" * 2
    assert states.ended(submitted("slurm", "19", tmp_path)) == GONE


def test_a_result_ends_a_job(squeue: Squeue, tmp_path: Path) -> None:
    squeue.write_text("17 RUNNING\n")
    (tmp_path / "17_0_result.pkl").write_bytes(b"")
    assert JobStates().ended(submitted("slurm", "17", tmp_path)) == OVER


def test_a_local_job_lives_as_long_as_its_controller(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time; time.sleep(600)", "submitit.local._local"]
    with subprocess.Popen(words) as process:  # noqa: S603
        job = submitted("local", str(process.pid), tmp_path)
        states = [JobStates().ended(job), JobStates().ended(submitted("local", str(os.getpid()), tmp_path))]
        process.kill()
    assert [*states, JobStates().ended(job)] == ["", GONE, GONE]


def test_a_controller_that_nobody_has_waited_for_has_ended(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "", "submitit.local._local"])
    job = submitted("local", str(process.pid), tmp_path)
    until(lambda: JobStates().ended(job) == GONE)
    assert process.wait() == 0


@pytest.mark.parametrize("at", range(8))
def test_a_controller_is_seen_from_its_first_moment(tmp_path: Path, at: int) -> None:
    words = [sys.executable, "-c", "import time; time.sleep(600)", "submitit.local._local"]
    with subprocess.Popen(words) as process:  # noqa: S603
        state = JobStates().ended(submitted("local", str(process.pid), tmp_path))
        process.kill()
    assert state == ""
