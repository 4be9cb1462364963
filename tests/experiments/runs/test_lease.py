"""A lease is one process's, also between machines; what was killed gives it back, what is silent loses it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from experiments.runs.lease import BusyError, Lease
from experiments.runs.lease_keeper import asking_to_end, use
from experiments.runs.left_lease import marked, put_aside
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


@pytest.mark.parametrize("stops_on_sigterm", [False, True])
def test_a_command_whose_lease_nobody_keeps_any_more_is_ended(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops_on_sigterm: bool
) -> None:
    processes, lease = Processes(stops_on_sigterm=stops_on_sigterm), Lease(place)
    assert lease.take()
    assert lease._keeper is not None
    with ThreadPoolExecutor() as pool:
        with monkeypatch.context() as sleeping:
            sleeping.setattr("experiments.runs.process.python", lambda module, args: SLEEP)
            called = pool.submit(processes.call, "", [], tmp_path / "log.txt", lease.fileno())
            until(lambda: bool(processes._running))
        lease._keeper.kill()
        with pytest.raises(RuntimeError, match="SIGTERM"):  # it has failed, and was not stopped with this process
            called.result(200)
    until(lambda: lease.lost)
    lease.give_back()


def test_what_another_user_has_made_is_another_s(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    lease = Lease(place, seconds=0.2)
    place.write_text("another user's")
    with monkeypatch.context() as patched:
        patched.setattr("filelock.SoftFileLease.acquire", refused)
        until(lambda: not lease.take() and not place.exists())  # it was left
        patched.setattr(os, "access", lambda *_: False)
        with pytest.raises(PermissionError):
            lease.take()


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
    until(other.take, 100)  # before it would run out
    other.give_back()


def elsewhere(place: Path) -> None:
    """Let the holder be on another machine."""
    place.write_text(place.read_text().replace(socket.gethostname(), "another-machine"))


def renewed(place: Path) -> int:
    return place.stat().st_mtime_ns


def test_it_is_renewed_as_long_as_it_is_held(place: Path) -> None:
    lease = Lease(place, seconds=0.6)
    assert lease.take()
    for _ in range(3):
        before = renewed(place)
        until(lambda before=before: renewed(place) > before)  # type: ignore[misc]  # a default
    lease.give_back()
    assert not place.exists()


def test_one_of_another_machine_is_taken_over_when_it_is_silent(place: Path) -> None:
    first, second = Lease(place, seconds=1.5), Lease(place, seconds=1.5)
    assert first.take()
    assert first._keeper is not None
    os.kill(first._keeper.pid, signal.SIGSTOP)
    elsewhere(place)
    silent = time.monotonic()
    assert not second.take()
    assert not second.is_at_work_here  # nobody here knows
    until(second.take)
    assert time.monotonic() > silent + 1.4
    user = subprocess.Popen(SLEEP)  # noqa: S603
    use(first.fileno(), user.pid)
    os.kill(first._keeper.pid, signal.SIGCONT)
    assert user.wait(200) == -signal.SIGTERM
    until(lambda: first.lost)
    assert not second.lost
    for lease in (first, second):
        lease.give_back()


def test_one_that_is_taken_for_who_was_killed_meanwhile_is_given_back(place: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    words = [sys.executable, "-m", "experiments.runs.lease_keeper", str(place), "120"]
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=writes, stderr=subprocess.PIPE, check=False)  # noqa: S603
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not place.exists()


def test_a_process_that_has_the_number_of_one_that_has_ended_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(SLEEP)  # noqa: S603
    end = asking_to_end(ended.pid)
    ended.kill()
    ended.wait()
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("by its number"))
    with pytest.raises(ProcessLookupError):
        end()
    with pytest.raises(ProcessLookupError):
        asking_to_end(ended.pid)


@pytest.fixture
def without_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file system refuse to exchange two names, as NFS does."""
    for module in ("filelock._soft", "filelock._util"):
        monkeypatch.setattr(f"{module}.exchange_names", lambda *_: False)


@pytest.mark.usefixtures("without_exchange")
def test_where_names_cannot_be_exchanged_what_is_left_is_taken_over_too(place: Path) -> None:
    first, second = Lease(place, seconds=1.0), Lease(place, seconds=1.0)
    assert first.take()
    assert first._keeper is not None
    first._keeper.kill()
    first._keeper.wait()
    killed = time.monotonic()
    until(second.take)
    assert time.monotonic() > killed + 1.0
    first.give_back()
    assert not second.lost
    second.give_back()
    assert list(place.parent.iterdir()) == []


def test_an_empty_file_that_a_killed_process_has_left_is_taken_over(place: Path) -> None:
    place.touch()
    lease = Lease(place, seconds=1.0)
    assert not lease.take()
    until(lease.take)
    lease.give_back()


def test_what_has_been_taken_or_renewed_since_is_not_put_aside(place: Path) -> None:
    place.write_bytes(b"one")
    left = marked(place)
    assert left is not None
    for change in (lambda: os.utime(place, ns=(0, 7)), lambda: place.write_bytes(b"another")):
        change()
        put_aside(place, left)
        assert place.exists()
    last = marked(place)
    assert last is not None
    put_aside(place, last)
    put_aside(place, last)  # another was first
    assert list(place.parent.iterdir()) == []


def test_the_holder_is_known_where_it_is_at_work(place: Path) -> None:
    first, second = Lease(place), Lease(place)
    assert first.take()
    place.write_text(re.sub(r"host=.*", f"host={socket.gethostname()}", place.read_text()))  # no container's
    assert not second.take()
    assert second.is_at_work_here
    first.give_back()
    assert second.take()
    second.give_back()
