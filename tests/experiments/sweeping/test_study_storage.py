"""Storages that do not answer are said in one line; databases lose nothing, killed or asked by many at once."""

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from experiments.benchmarks.postgres_server import PostgresServer, postgres_programs
from experiments.cli import UserError
from experiments.sweeping.local import SweepTrial
from experiments.sweeping.shared import SharedStudy, run_shared
from tests.helpers.shared_sweeps import declared, found, grow_old, has_silent_trials, ran


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that runs."""
    if postgres_programs() is None:
        pytest.skip("no PostgreSQL here")
    with TemporaryDirectory() as folder:  # which the server's account can reach
        server = PostgresServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "postgresql://me:secret@127.0.0.1:1/none",
            r"--storage postgresql://me:\*\*\*@127.0.0.1:1/none: expected the study",
        ),
        ("nosuch://host/x", "--storage nosuch://host/x: expected a database's URL or a file"),
        ("sqlite:////no/such/folder/x.db", "expected the study's storage to answer, got unable to open"),
        ("/dev/null/x.journal", "expected the study's storage to answer, got .*/dev/null"),
    ],
)
def test_a_storage_that_does_not_answer_is_said_in_one_line(where: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        run_shared(declared(), found, 1, settings="s", where=where)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match="--storage postgresql://host/x: expected the package psycopg, got none"):
        run_shared(declared(), found, 1, settings="s", where="postgresql://host/x")


def test_a_database_that_is_killed_in_mid_sweep_loses_nothing(server: PostgresServer) -> None:
    wanted = declared()

    def killing(number: int, values: Mapping[str, Any]) -> SweepTrial:
        if number == 2:
            server.kill()
        return found(number, values)

    try:
        with pytest.raises(UserError, match=r"expected the study's storage to answer, .* goes on where it stopped"):
            run_shared(wanted, killing, 4, settings="s", where=server.url)
        assert ran() == [0, 1, 2]
    finally:
        server.start()
    grow_old(server.url)
    every = run_shared(wanted, found, 4, settings="s", where=server.url)
    assert [trial.number for trial in every] == [0, 1, 2, 3]
    assert sorted(ran()) == [0, 1, 2, 2, 3]  # the third could not be written: a run that is there is not run again


def test_who_is_in_another_time_zone_sees_the_same_signs_of_life(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "America/Los_Angeles")
    one = SharedStudy(declared(), "zones", server.url)
    one.prepare([0], [])
    assert one.take() is not None
    monkeypatch.setenv("PGTZ", "Pacific/Auckland")  # where it is later
    other = SharedStudy(declared(), "zones", server.url)
    assert not has_silent_trials(other)
    grow_old(server.url)
    assert has_silent_trials(other)
    one.close()
    other.close()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_trial_that_is_made_slowly_is_seen_beside_one_that_was_made_meanwhile(
    database: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna asks a database for trials after the last that has ended: none may come to be before that later."""
    where = "sqlite:///study.db" if database == "sqlite" else request.getfixturevalue("server").url
    slow, quick, reader = (SharedStudy(declared(), "order", where) for _ in range(3))
    made, begun, others_are_seen = RDBStorage._get_prepared_new_trial, Event(), Event()

    def made_slowly(storage: RDBStorage, *args: Any) -> Any:
        trial = made(storage, *args)
        if storage is slow.storage:
            begun.set()
            others_are_seen.wait(0.5)  # if others can be made meanwhile
        return trial

    ended = create_trial(state=TrialState.COMPLETE, value=1.0)
    with ThreadPoolExecutor(2) as threads, monkeypatch.context() as patched:
        patched.setattr(RDBStorage, "_get_prepared_new_trial", made_slowly)
        first = threads.submit(slow.study.enqueue_trial, {"rate": 0.5})
        assert begun.wait(60)
        threads.submit(quick.study.add_trial, ended).result(60)
        reader.study.get_trials()
        others_are_seen.set()
        first.result(60)
    assert sorted(trial.state.name for trial in reader.study.get_trials()) == ["COMPLETE", "WAITING"]
    for study in (slow, quick, reader):
        study.close()
