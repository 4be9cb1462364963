"""Two reproductions that are started on one folder share its runs, and both report all of them."""

import os
import signal
from pathlib import Path

import pytest

from tests.helpers.short_runs import declare, events, said, started, until


@pytest.fixture
def declared(alone: Path) -> str:
    return str(declare(alone))


def check_all_once(report: str) -> None:
    begun = events("begun")
    assert len(begun) == len(set(begun)) == 4
    assert sorted(events("ended")) == sorted(begun)
    assert all(line in report for line in ("Trunk", "50.0", "Report: "))
    assert "not run" not in report


def test_two_drivers_share_the_runs_and_both_have_the_whole_table(declared: str) -> None:
    two = [started(declared, "--jobs=1", TOGETHER="2") for _ in range(2)]
    for process in two:
        process.join(300)
        assert process.exitcode == 0, said(process)
    for process in two:
        check_all_once(said(process))
    shares = [said(process).count(" s of training") for process in two]
    assert sum(shares) == 4
    assert min(shares) >= 1  # each took what was free: the first training waits for the other driver's


def test_a_killed_driver_leaves_its_runs_to_the_other(declared: str) -> None:
    killed = started(declared, "--jobs=1", SHORT_RUN="600")
    until(lambda: bool(events("begun")))
    (cut_off,) = events("begun")
    other = started(declared, "--jobs=1")
    until(lambda: f"waiting for another process at {cut_off}" in said(other) or len(events("begun")) > 1)
    assert killed.pid is not None
    os.killpg(killed.pid, signal.SIGKILL)  # with its training
    other.join(300)
    assert other.exitcode == 0, said(other)
    assert events("begun").count(cut_off) == 2
    assert sorted(set(events("begun"))) == sorted(events("ended"))
    assert "not run" not in said(other)
    killed.join()


def test_the_training_of_a_killed_driver_is_waited_for(declared: str) -> None:
    killed = started(declared, "--jobs=1", UNTIL="go")
    until(lambda: bool(events("begun")))
    assert killed.pid is not None
    os.kill(killed.pid, signal.SIGKILL)  # alone
    other = started(declared, "--jobs=1")
    until(lambda: f"waiting for another process at {events('begun')[0]}" in said(other))
    Path("go").touch()
    other.join(300)
    assert other.exitcode == 0, said(other)
    check_all_once(said(other))
    killed.join()


def test_a_failure_is_both_drivers_failure_and_happens_once(declared: str) -> None:
    two = [started(declared, "--jobs=1", "--rows", "trunk", FAILING_RUN="trunk", TOGETHER="2") for _ in range(2)]
    for process in two:
        process.join(300)
        assert process.exitcode == 1
        assert "error: 2 runs are missing; trunk, seed 0: it diverged" in said(process)
    assert len(events("begun")) == 2
