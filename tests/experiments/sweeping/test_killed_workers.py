"""Whoever is killed, stopped or slow: every trial of a shared sweep is there once, with its values."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from optuna import Study
from optuna.trial import TrialState

from experiments.sweeping import study_storage
from experiments.sweeping.local import SweepTrial
from experiments.sweeping.shared import SharedStudy, run_shared
from tests.helpers.processes import CONTEXT, start_server
from tests.helpers.shared_sweeps import (
    STORAGES,
    declared,
    found,
    grow_old,
    has_silent_trials,
    ran,
    when_told,
    worker,
)
from tests.helpers.short_runs import until


@pytest.mark.parametrize("where", STORAGES)
def test_the_trial_of_a_killed_worker_is_taken_up(where: str, started: Callable[..., Any]) -> None:
    wanted = declared()
    killed = started(where, 2, when_told)
    until(lambda: Path(f"begun-{killed.pid}").exists())
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()
    grow_old(where)
    every = run_shared(wanted, found, 2, settings="s", where=where)
    assert sorted(ran()) == [0, 1]
    assert [trial.number for trial in every] == [0, 1]


@pytest.mark.parametrize("where", STORAGES)
def test_the_trial_of_a_living_worker_is_left_to_it(where: str, started: Callable[..., Any]) -> None:
    wanted = declared()
    other = started(where, 1, when_told)
    until(lambda: Path(f"begun-{other.pid}").exists())
    study = SharedStudy(wanted, "s", where)
    for _ in range(3):
        assert study.prepare([0], [])
        assert study.take() is None
    study.close()
    Path("go").touch()
    assert len(run_shared(wanted, found, 1, settings="s", where=where)) == 1
    other.join(300)
    assert (other.exitcode, ran()) == (0, [0])


def test_a_living_worker_renews_its_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_storage, "BEAT", 0.05)
    one = SharedStudy(declared(), "s", STORAGES[1])
    monkeypatch.setattr(study_storage, "BEAT", 30)
    other = SharedStudy(declared(), "s", STORAGES[1])  # patient, however slow the machine is
    one.prepare([0], [])
    trial = one.take()
    assert trial is not None
    assert not has_silent_trials(other)  # before it is worked on
    with one.signs.of(trial):
        grow_old(STORAGES[1])
        until(lambda: not has_silent_trials(other))
    grow_old(STORAGES[1])
    assert has_silent_trials(other)
    one.close()
    other.close()


MOMENTS = (
    "experiments.sweeping.shared.SharedStudy._is_taken",  # before it runs
    "experiments.sweeping.shared.SharedStudy._is_made_twice",  # when it runs
    "experiments.sweeping.shared.sampler",  # before it has values
    "tests.experiments.sweeping.test_killed_workers.found",  # when it has
    "optuna.Trial.set_user_attr",  # before it is said where its run is
    "optuna.Study.tell",  # before it has a result
)


def killed_at(moment: str, folder: str, where: str, trials: int) -> None:
    def kill(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with patch(moment, kill):
        worker(folder, where, trials, lambda *trial: found(*trial))  # noqa: PLW0108  the name is looked up late


@pytest.mark.slow
@pytest.mark.parametrize("where", STORAGES)
def test_whenever_a_worker_is_killed_every_trial_is_there_with_its_values(where: str) -> None:
    wanted = declared("grid", parameters={"rate": {"values": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}})
    start_server()
    killed = [CONTEXT.Process(target=killed_at, args=(moment, str(Path.cwd()), where, 6)) for moment in MOMENTS]
    for process in killed:
        process.start()
        process.join(300)
        assert process.exitcode == -signal.SIGKILL
    grow_old(where)
    every = run_shared(wanted, found, 6, settings="s", where=where)
    assert [trial.result for trial in every] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


@pytest.mark.parametrize("where", STORAGES)
def test_a_trial_that_has_just_ended_is_not_taken_for_a_silent_one_s(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = declared()
    one, other = (SharedStudy(wanted, "s", where) for _ in range(2))
    one.prepare([0], [])
    trial, tell = one.take(), Study.tell
    assert trial is not None

    def look_first(study: Study, *args: Any, **kwargs: Any) -> Any:
        other.prepare([0], [])
        return tell(study, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Study, "tell", look_first)
        one.work(trial, found, 1)
    assert not other.prepare([0], [])
    assert [trial.result for trial in other.ended()] == [ended.result for ended in one.ended()] != [None]
    one.close()
    other.close()


@pytest.mark.parametrize("where", STORAGES)
def test_a_worker_whose_trial_was_given_to_another_goes_on(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    wanted, begun = declared("grid"), list[int]()

    def asleep(number: int, values: Mapping[str, Any]) -> SweepTrial:
        begun.append(number)
        if len(begun) == 1:
            other = SharedStudy(wanted, "s", where)
            (running,) = other.study.get_trials(states=(TrialState.RUNNING,))
            other.study.tell(running.number, state=TrialState.FAIL)  # as who has seen no sign of life does
            other.close()
        return found(number, values)

    every = run_shared(wanted, asleep, 3, settings="s", where=where)
    assert [trial.result for trial in every] == [0.1, 0.2, 0.3]
    assert sorted(begun) == [0, 0, 1, 2]
    assert "Trial 1 is another worker's, as this one gave no sign of life" in capsys.readouterr().out
