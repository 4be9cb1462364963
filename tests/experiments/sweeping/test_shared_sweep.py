"""Sweeps that several workers share: each trial once, whoever is killed, and whatever becomes of the storage."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import yaml
from optuna.storages._rdb.models import TrialModel
from optuna.trial import TrialState

from experiments.benchmarks.postgres_server import PostgresServer, postgres_programs
from experiments.cli import UserError
from experiments.sweep import sweep
from experiments.sweeping import shared, signs_of_life, study_storage
from experiments.sweeping.local import SweepTrial
from experiments.sweeping.shared import TICKET, SharedStudy, run_shared
from experiments.sweeping.sweep_file import Sweep, read_sweep
from tests.helpers.processes import CONTEXT, start_server
from tests.helpers.short_runs import until

STORAGES = ["study.journal", "sqlite:///study.db"]


def declared(method: str = "random", **more: Any) -> Sweep:
    parameters = {"rate": {"min": 0.0, "max": 1.0}} if method != "grid" else {"rate": {"values": [0.1, 0.2, 0.3]}}
    content = {"method": method, "metric": {"name": "m", "goal": "maximize"}, "parameters": parameters, **more}
    Path("mine.yaml").write_text(yaml.safe_dump(content))
    return read_sweep("mine.yaml")


def found(number: int, values: Mapping[str, Any]) -> SweepTrial:
    """Find the value itself, and note that a trial was run."""
    with Path("ran.txt").open("a") as file:
        file.write(f"{number} {values['rate']}\n")
    return SweepTrial(number, values, values["rate"], f"runs/{number}")


def ran() -> list[int]:
    return [int(line.split()[0]) for line in Path("ran.txt").read_text().splitlines()]


def quickly() -> None:
    study_storage.BEAT, shared.LOOKS, signs_of_life.SETTLING = 1, 0.1, 0.5


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((study_storage, "BEAT"), (shared, "LOOKS"), (signs_of_life, "SETTLING")):
        monkeypatch.setattr(module, name, getattr(module, name))
    quickly()


def worker(folder: str, where: str, trials: int, sleeps: float) -> None:
    os.chdir(folder)
    quickly()
    sys.stdout = Path(f"said-{os.getpid()}.txt").open("w")  # noqa: SIM115

    def run(number: int, values: Mapping[str, Any]) -> SweepTrial:
        Path(f"begun-{os.getpid()}").touch()
        time.sleep(sleeps)
        return found(number, values)

    run_shared(read_sweep("mine.yaml"), run, trials, settings="s", where=where)


@pytest.fixture
def started() -> Iterator[Callable[..., Any]]:
    processes = []

    def start(where: str, trials: int, sleeps: float) -> Any:
        start_server()
        processes.append(CONTEXT.Process(target=worker, args=(str(Path.cwd()), where, trials, sleeps)))
        processes[-1].start()
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


@pytest.mark.parametrize("where", STORAGES)
@pytest.mark.parametrize("method", ["random", "grid", "bayes"])
def test_trials_are_those_of_the_sweep_and_once(method: str, where: str) -> None:
    wanted = declared(method)
    first = run_shared(wanted, found, 2, settings="s", where=where)
    every = run_shared(wanted, found, 3, settings="s", where=where)
    assert ran() == [0, 1, 2]
    assert every[:2] == first
    assert [trial.number for trial in every] == [0, 1, 2]
    assert all(trial.result == trial.values["rate"] and trial.note == f"runs/{trial.number}" for trial in every)
    if method == "grid":
        assert [trial.result for trial in every] == [0.1, 0.2, 0.3]
    elif method == "random":
        assert run_shared(wanted, found, 3, settings="another", where=where) == every  # whoever draws, and whenever


@pytest.mark.slow
@pytest.mark.parametrize("where", STORAGES)
def test_workers_share_the_trials(where: str, started: Callable[..., Any]) -> None:
    declared()
    workers = [started(where, 8, 0.3) for _ in range(2)]
    for process in workers:
        process.join(120)
        assert process.exitcode == 0
    assert sorted(ran()) == list(range(8))
    for process in workers:
        assert "Trial" in Path(f"said-{process.pid}.txt").read_text()


def test_of_two_that_take_a_trial_at_the_same_moment_one_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = declared()
    one, other = (SharedStudy(wanted, "s", STORAGES[1]) for _ in range(2))
    one.prepare([0], [])
    trial_id = one.study.get_trials(deepcopy=False)[0]._trial_id
    both, found_by_id = Barrier(2), TrialModel.find_or_raise_by_id

    def found_together(*args: Any, **kwargs: Any) -> Any:
        trial = found_by_id(*args, **kwargs)
        with suppress(BrokenBarrierError):
            both.wait(0.5)  # both have read that it waits, if they can
        return trial

    monkeypatch.setattr(TrialModel, "find_or_raise_by_id", found_together)
    with ThreadPoolExecutor(2) as threads:
        taken = threads.map(lambda study: _take(study.storage, trial_id), (one, other))
        assert sorted(taken) == [False, True]


def _take(storage: Any, trial_id: int) -> bool:
    return bool(storage.set_trial_state_values(trial_id, state=TrialState.RUNNING))


@pytest.mark.parametrize("where", STORAGES)
def test_the_trial_of_a_killed_worker_is_taken_up(where: str, started: Callable[..., Any]) -> None:
    wanted = declared()
    killed = started(where, 2, 600)
    until(lambda: Path(f"begun-{killed.pid}").exists())
    time.sleep(1.5)  # it has given signs of life
    os.kill(killed.pid, signal.SIGKILL)
    every = run_shared(wanted, found, 2, settings="s", where=where)
    assert sorted(ran()) == [0, 1]
    assert [trial.number for trial in every] == [0, 1]


@pytest.mark.slow
def test_the_trial_of_a_living_worker_is_left_to_it(started: Callable[..., Any]) -> None:
    wanted = declared()
    for where in STORAGES:
        other = started(where, 1, 7)  # longer than a silent one would last
        until(lambda pid=other.pid: Path(f"begun-{pid}").exists())  # type: ignore[misc]
        assert len(run_shared(wanted, found, 1, settings="s", where=where)) == 1
        assert ran() == [0]
        Path("ran.txt").unlink()


def test_a_trial_that_was_interrupted_is_made_again_with_its_values() -> None:
    wanted, tried = declared("bayes"), list[float]()

    def interrupted(number: int, values: Mapping[str, Any]) -> SweepTrial:
        tried.append(values["rate"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_shared(wanted, interrupted, 1, settings="s", where=STORAGES[1])
    every = run_shared(wanted, found, 1, settings="s", where=STORAGES[1])
    assert [trial.result for trial in every] == tried


def test_a_trial_that_fails_is_recorded_and_not_run_again() -> None:
    def failing(number: int, values: Mapping[str, Any]) -> SweepTrial:
        return SweepTrial(number, values, None, "it diverged")

    every = run_shared(declared(), failing, 2, settings="s", where=STORAGES[0])
    assert [(trial.result, trial.note) for trial in every] == [(None, "it diverged")] * 2
    assert run_shared(declared(), found, 2, settings="s", where=STORAGES[0]) == every


def test_of_two_that_make_the_same_trial_at_once_one_is_left_out() -> None:
    wanted = declared()
    one, other = (SharedStudy(wanted, "s", STORAGES[0]) for _ in range(2))
    assert one.prepare([0], [])
    other.study.enqueue_trial({}, user_attrs={TICKET: 0})
    first, second = one.take(), other.take()
    assert first is not None
    assert second is None
    one.work(first, found, 1)
    assert not other.prepare([0], [])
    assert ran() == [0]


def test_two_settings_never_share_a_study() -> None:
    names = set()
    for method, settings, name in (
        ("random", "a", "x"),
        ("random", "b", "x"),
        ("bayes", "a", "x"),
        ("random", "a", "y"),
    ):
        names.add(SharedStudy(declared(method, name=name), settings, STORAGES[1]).study.study_name)
    assert len(names) == 4
    again = SharedStudy(declared("random", name="x", description="another", run_cap=7), "a", STORAGES[1])
    assert again.study.study_name in names


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


@pytest.mark.skipif(postgres_programs() is None, reason="no PostgreSQL here")
def test_a_database_that_is_killed_in_mid_sweep_loses_nothing() -> None:
    wanted = declared()
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer(Path(folder))
        server.start()

        def killing(number: int, values: Mapping[str, Any]) -> SweepTrial:
            if number == 2:
                server.kill()
            return found(number, values)

        try:
            with pytest.raises(UserError, match=r"expected the study's storage to answer, .* goes on where it stopped"):
                run_shared(wanted, killing, 4, settings="s", where=server.url)
            assert ran() == [0, 1, 2]
            server.start()
            every = run_shared(wanted, found, 4, settings="s", where=server.url)
        finally:
            server.kill()
    assert [trial.number for trial in every] == [0, 1, 2, 3]
    assert sorted(ran()) == [0, 1, 2, 2, 3]  # the third could not be written: a run that is there is not run again


def test_the_command_s_storage_is_used_whatever_key_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def shared_run(wanted: Sweep, run: Any, count: int, **how: Any) -> list[SweepTrial]:
        asked.update(how, count=count)
        return [SweepTrial(0, {"seed_everything": 1}, 0.5)]

    command = ["-m", "experiments.launch", "trunk"]
    metric = {"name": "test/rank1/none", "goal": "maximize"}
    content = {
        "method": "grid",
        "metric": metric,
        "command": command,
        "parameters": {"seed_everything": {"values": [1, 2]}},
    }
    Path("mine.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("WANDB_API_KEY", "x")
    monkeypatch.setattr("experiments.sweep.run_shared", shared_run)
    monkeypatch.setattr("experiments.sweeping.trials.rehearsed", lambda spec: None)
    sweep(["mine.yaml", "--storage=study.journal", "--trials=2"])
    assert (asked["where"], asked["count"]) == ("study.journal", 2)
    assert asked["settings"].startswith("runs/trunk/")
