"""A reproduction in jobs of this machine: the graph's order, a killed driver, a failure."""

import os
import signal
from pathlib import Path

import pytest

from tests.helpers.short_runs import declare, events, said, started, until

JOBS_PROGRAM = """
import sys
if "submitit.core._submit" in sys.orig_argv:
    import experiments.runs.process
    from tests.helpers.short_runs import short_python
    experiments.runs.process.python = short_python
"""


@pytest.fixture
def declared(alone: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a paper whose jobs have the short script in the place of trainings."""
    (alone / "program").mkdir()
    (alone / "program/sitecustomize.py").write_text(JOBS_PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(alone / "program"))
    return str(declare(alone))


LOCAL = ("--cluster", "local", "--option", "timeout_min=9")


@pytest.mark.slow
def test_a_reproduction_in_jobs_keeps_the_graph_s_order_and_a_killed_driver_finds_its_jobs(declared: str) -> None:
    killed = started(declared, *LOCAL, "--seeds", "0", UNTIL="go")
    until(lambda: "submitted as job" in said(killed))
    assert killed.pid is not None
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()
    again = started(declared, *LOCAL, "--seeds", "0")
    until(lambda: "waiting for job" in said(again))
    Path("go").touch()
    again.join(300)
    assert again.exitcode == 0, said(again)
    assert [event.split("/")[1] for event in events("begun")] == ["trunk", "baseline"]
    assert "50.0" in said(again)


@pytest.mark.slow
def test_a_failed_job_is_a_failed_row(declared: str) -> None:
    driver = started(declared, *LOCAL, "--seeds", "0", FAILING_RUN="trunk", SHORT_RUN="0")
    driver.join(300)
    assert driver.exitcode == 1
    error = said(driver).splitlines()[-1]
    assert error.startswith("error: 2 runs are missing; trunk, seed 0: it diverged (job ")
    assert Path(error.rpartition(": ")[2].rstrip(")")).exists()
