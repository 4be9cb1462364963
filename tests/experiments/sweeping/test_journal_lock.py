"""A journal file is written by one worker at a time, and whoever is killed leaves it whole and free."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from optuna.storages.journal import JournalFileBackend

from experiments.sweeping import journal_lock
from experiments.sweeping.journal_lock import JournalLock, cut_unfinished_line
from experiments.sweeping.shared import run_shared
from tests.helpers.processes import CONTEXT, start_server
from tests.helpers.shared_sweeps import declared, found

JOURNAL = "runs/sweeps/joint.journal"
"""Relative, as people type it."""


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(journal_lock, "SECONDS", 1.0)
    Path(JOURNAL).parent.mkdir(parents=True)
    return JOURNAL


def hold_and_die(folder: str) -> None:
    os.chdir(folder)
    JournalFileBackend(JOURNAL, JournalLock(JOURNAL)).append_logs([{"first": 1}])
    JournalLock(JOURNAL).acquire()
    with Path(JOURNAL).open("a") as file:
        file.write('{"half a li')
    os._exit(0)


def test_who_is_killed_in_the_middle_of_a_line_hinders_nobody(journal: str) -> None:
    start_server()
    killed = CONTEXT.Process(target=hold_and_die, args=(str(Path.cwd()),))
    killed.start()
    killed.join()
    backend = JournalFileBackend(journal, JournalLock(journal))
    assert list(backend.read_logs(0)) == [{"first": 1}]
    backend.append_logs([{"second": 2}])
    assert list(backend.read_logs(0)) == [{"first": 1}, {"second": 2}]


def test_one_of_a_machine_that_is_gone_hinders_nobody_for_long(journal: str) -> None:
    Path(f"{journal}.writing").write_text(
        "filelock/2\npid=1\nhost=another-machine\nmode=lease\ntoken=1a\nduration=1.0\n"
    )
    JournalFileBackend(journal, JournalLock(journal)).append_logs([{"first": 1}])
    assert Path(journal).read_text() == '{"first":1}\n'


def test_of_many_that_write_at_once_none_loses_a_line(journal: str) -> None:
    backends = [JournalFileBackend(journal, JournalLock(journal)) for _ in range(4)]

    def write(number: int) -> None:
        for line in range(5):
            backends[number].append_logs([{"worker": number, "line": line}])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    lines = [json.loads(line) for line in Path(journal).read_text().splitlines()]
    assert sorted((one["worker"], one["line"]) for one in lines) == [(w, i) for w in range(4) for i in range(5)]
    assert not Path(f"{journal}.writing").exists()


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b"", b""),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\nb", b"a\n"),
        (b"half", b""),
        (b"a\n" + b"x" * (3 << 16), b"a\n"),
        (b"x" * (3 << 16), b""),
    ],
    ids=["empty", "whole", "half", "only half", "long", "only long"],
)
def test_what_follows_the_last_line_s_end_is_cut_off(content: bytes, left: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(content)
    cut_unfinished_line(path)
    assert path.read_bytes() == left


def test_a_file_that_cannot_be_written_leaves_the_lock_free(journal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = JournalLock(journal)
    with pytest.raises(FileNotFoundError):
        lock.acquire()  # of a journal that is not there
    Path(journal).touch()
    assert lock.acquire()
    lock.release()


def test_a_sweep_goes_on_from_a_journal_that_ends_in_half_a_line(journal: str) -> None:
    wanted: Callable[..., Any] = lambda trials: run_shared(declared(), found, trials, settings="s", where=journal)  # noqa: E731
    first = wanted(1)
    with Path(journal).open("a") as file:
        file.write('{"op_code":')
    assert wanted(2)[:1] == first
