"""A lease is one process's, also between machines; what was killed gives it back, what is silent loses it."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from experiments.runs.lease import BusyError, Lease
from experiments.runs.lease_keeper import use
from experiments.runs.process import Processes, StoppedError
from tests.helpers.processes import ROOT
from tests.helpers.short_runs import until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / ".run.lease"


def test_of_many_that_ask_at_once_one_gets_it(place: Path) -> None:
    leases = [Lease(place) for _ in range(6)]
    with ThreadPoolExecutor(len(leases)) as pool:
        for _ in range(3):
            taken = list(pool.map(Lease.take, leases))
            assert sum(taken) <= 1  # those that met at the same moment may all step back
            if not any(taken):
                until(leases[0].take)
            assert not any(lease.take() for lease in leases if lease.fileno() < 0)
            for lease in leases:
                lease.give_back()
    assert not place.exists()


def test_who_does_not_wait_is_refused_and_who_stops_stops(place: Path) -> None:
    first, second = Lease(place), Lease(place)
    said: list[str] = []
    assert first.take()
    for waits, error in ((False, BusyError), (True, StoppedError)):
        with (
            pytest.raises(error),
            second.taken(on_wait=lambda: said.append("waits"), is_stopping=lambda: True, waits=waits),
        ):
            pass
    assert said == ["waits"]
    first.give_back()
    with second.taken(on_wait=lambda: said.append("again"), is_stopping=lambda: True, waits=False) as held:
        assert held.fileno() > 0
    assert said == ["waits"]


def test_a_process_holds_its_run_when_nothing_else_does(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes, lease, other = Processes(), Lease(place), Lease(place)
    assert lease.take()
    with ThreadPoolExecutor() as pool:
        with monkeypatch.context() as sleeping:
            sleeping.setattr("experiments.runs.process.python", lambda module, args: SLEEP)
            called = pool.submit(processes.call, "", [], tmp_path / "log.txt", lease.fileno())
            until(lambda: bool(processes._running))
        os.close(lease._pipe)  # as when the process that has taken it is killed
        lease._pipe = -1
        assert not other.take()
        next(iter(processes._running)).kill()
        with pytest.raises(RuntimeError, match="SIGKILL"):
            called.result(60)
        until(other.take)
    lease.give_back()
    other.give_back()


def test_a_killed_process_gives_it_back(place: Path) -> None:
    code = f"""
import time
from pathlib import Path
from experiments.runs.lease import Lease
lease = Lease(Path({str(place)!r}))
print(lease.take(), flush=True)
time.sleep(600)
"""
    words = [sys.executable, "-c", code]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == "True\n"
    other = Lease(place)
    assert not other.take()
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(other.take, 10)  # long before it would run out
    other.give_back()


def elsewhere(place: Path) -> None:
    """Let the holder be on another machine."""
    place.write_text(place.read_text().replace(socket.gethostname(), "another-machine"))


def test_one_of_another_machine_is_taken_over_when_it_is_silent(place: Path) -> None:
    first, second = Lease(place, seconds=1.5), Lease(place, seconds=1.5)
    assert first.take()
    held = time.monotonic()
    while time.monotonic() < held + 3:  # it is renewed
        assert not second.take()
        time.sleep(0.1)
    assert first._keeper is not None
    os.kill(first._keeper.pid, signal.SIGSTOP)
    elsewhere(place)
    silent = time.monotonic()
    assert not second.take()
    until(second.take, 20)
    assert time.monotonic() > silent + 1.4
    user = subprocess.Popen(SLEEP)  # noqa: S603
    use(first.fileno(), user.pid)
    os.kill(first._keeper.pid, signal.SIGCONT)
    assert user.wait(20) == -signal.SIGTERM
    until(lambda: first.lost, 20)
    assert not second.lost
    for lease in (first, second):
        lease.give_back()
