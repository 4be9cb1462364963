"""Sweeps that several workers share: each trial once, whoever is killed, and whatever becomes of the storage."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import yaml
from optuna.storages._rdb.models import TrialModel
from optuna.trial import TrialState

from experiments.cli import UserError
from experiments.sweep import sweep
from experiments.sweeping.local import SweepTrial
from experiments.sweeping.shared import TICKET, SharedStudy, run_shared
from experiments.sweeping.sweep_file import Sweep
from tests.helpers.shared_sweeps import STORAGES, declared, found, of_two, ran


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
    workers = [started(where, 8, of_two) for _ in range(2)]
    for process in workers:
        process.join(300)
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


def test_studies_of_one_journal_take_their_trials_beside_each_other() -> None:
    one, other = (SharedStudy(declared(), settings, STORAGES[0]) for settings in ("a", "b"))
    taken = []
    for study in (one, other):
        study.prepare([0], [])
        taken.append(study.take())
    assert None not in taken
    one.close()
    other.close()


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


def test_a_machine_that_lacks_something_does_not_use_up_the_trials_of_others() -> None:
    def failing(number: int, values: Mapping[str, Any]) -> SweepTrial:
        return SweepTrial(number, values, None, "no such folder")

    with pytest.raises(UserError, match=r"mine.yaml: .* first 5 trials to go well, got none; the last: no such folder"):
        run_shared(declared(), failing, 7, settings="s", where=STORAGES[0])
    every = run_shared(declared(), found, 7, settings="s", where=STORAGES[0])
    assert [trial.note for trial in every] == ["no such folder"] * 5 + ["runs/5", "runs/6"]


def test_of_two_that_make_the_same_trial_at_once_one_is_left_out() -> None:
    wanted = declared()
    one, other = (SharedStudy(wanted, "s", STORAGES[0]) for _ in range(2))
    assert one.prepare([0], [])
    other.study.enqueue_trial({}, user_attrs={TICKET: 0})
    first, second = one.take(), other.take()
    assert first is not None
    assert second is None
    assert [trial.state for trial in one.study.trials] == [TrialState.RUNNING, TrialState.PRUNED]
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
