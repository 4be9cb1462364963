"""A sweep without a server: trials one after the other, chosen by Optuna and kept in SQLite."""

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple

import optuna
from optuna.trial import TrialState

from callbacks.run_files import read_json, write_json
from experiments.cli import UserError, did_you_mean
from experiments.runs.digests import digest
from experiments.runs.lease import SECONDS, Lease
from experiments.runs.process import Processes, sigterm_interrupts
from experiments.runs.run_schedule import left
from experiments.runs.runner import LOG, Runner
from experiments.sweeping.sweep_file import Sweep
from experiments.sweeping.trials import Trials

FOLDER = Path("runs/sweeps")
NOTES = "trials.json"
"""Where each trial's run is, or what went wrong in it."""
PATIENCE, LOOKS = 1.5 * SECONDS, 1.0
"""Seconds in which a lease that nobody renews has run out, and between two looks at it."""
STARTUP = 8  # trials at random, before a model chooses


class SweepTrial(NamedTuple):
    """One run of a sweep."""

    number: int
    values: Mapping[str, Any]
    result: float | None
    """The metric, ``None`` where the run failed."""
    note: str = ""


def run_here(sweep: Sweep, trials: Trials, count: int | None, *, settings: str = "") -> list[SweepTrial]:
    """Run what a sweep has not yet run, and return all its trials.

    An interrupted sweep is resumed: its finished trials are kept, one that was cut off is resumed. Trials are the same
    ones, whether it was interrupted or not. ``count`` includes those of earlier calls; by default it is the grid's, or
    the file's ``run_cap``. ``settings`` tell the trials from those of another sweep: their configuration, their data.

    Raises:
        UserError: If the number of trials is missing, another process runs the sweep, the folder holds one of other
            settings, or no run logs the metric.
    """
    points = list(sweep.grid()) if sweep.method == "grid" else []
    count = number_of_trials(sweep, count, points)
    folder = FOLDER / sweep.name
    with locked(folder):
        study = open_study(sweep, folder, settings)
        for point in points:
            study.enqueue_trial(point, skip_if_exists=True)
        for number, chosen in pending(study, sweep, count):
            values = sweep.values(chosen)
            print(f"Trial {number + 1} of {count}: {', '.join(f'{k} = {v}' for k, v in values.items())}", flush=True)
            trial = run_trial(sweep, trials, number, values)
            study.tell(number, trial.result, state=TrialState.FAIL if trial.result is None else TrialState.COMPLETE)
            write_json(folder / NOTES, {**(read_json(folder / NOTES) or {}), str(number): trial.note})
            print(f"    {sweep.metric}: {trial.note if trial.result is None else trial.result}", flush=True)
        return _ended(study, sweep, read_json(folder / NOTES) or {})


def number_of_trials(sweep: Sweep, count: int | None, points: Sequence[object]) -> int:
    """Return how many trials there are: the asked, the file's, or all points of a grid.

    Raises:
        UserError: If nothing says so.
    """
    count = count or sweep.run_cap or len(points)
    if not count:
        raise UserError(f"{sweep.path}: expected `run_cap`, or --trials N, with method {sweep.method}, got neither")
    return min(count, len(points) or count)


def _ended(study: optuna.Study, sweep: Sweep, notes: Mapping[str, str]) -> list[SweepTrial]:
    """Return the trials of a sweep that have ended; the study may have others, of another space."""
    ended = study.get_trials(states=(TrialState.COMPLETE, TrialState.FAIL))
    return [
        SweepTrial(one.number, sweep.values(one.params), one.value, notes.get(str(one.number), ""))
        for one in ended
        if set(one.params) == set(sweep.space)
    ]


def open_study(sweep: Sweep, folder: Path, settings: str) -> optuna.Study:
    """Return the study in a folder, a new one where there is none."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    what = {key: value for key, value in sweep.config.items() if key not in {"description", "run_cap"}}
    key = digest(json.dumps(what, sort_keys=True), settings)
    study = optuna.create_study(
        storage=f"sqlite:///{folder}/study.db",
        study_name=sweep.name,
        direction="maximize" if sweep.goal == "maximize" else "minimize",
        load_if_exists=True,
    )
    if study.user_attrs.setdefault("settings", key) != key:
        raise UserError(f"{folder}: a sweep of other settings or data is there; --name=… gives this one another name")
    study.set_user_attr("settings", key)
    return study


def pending(study: optuna.Study, sweep: Sweep, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield numbers and choices of the trials that are left, first of those that were cut off."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        chosen = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        if set(chosen) == set(sweep.space):
            yield trial.number, chosen
        else:  # cut off while it was chosen
            study.tell(trial.number, state=TrialState.FAIL)
    while (done := len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL)))) < count:
        # seeded by the number of trials, so that an interrupted sweep chooses as an undisturbed one
        study.sampler = sampler(sweep, done)
        asked = study.ask(dict(sweep.space))
        yield asked.number, asked.params


def sampler(sweep: Sweep, seed: int) -> optuna.samplers.BaseSampler:
    """Return what chooses a trial's values."""
    if sweep.method == "bayes":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP)
    return optuna.samplers.RandomSampler(seed=seed)


def run_trial(sweep: Sweep, trials: Trials, number: int, values: Mapping[str, Any]) -> SweepTrial:
    """Run one trial, unless it is there, and read what it found; its note says where it is, or what went wrong.

    Raises:
        UserError: If it went well and did not log the metric: no other will.
    """
    node = trials.node(values)
    processes = Processes()
    offline = {"WANDB_MODE": os.environ.get("WANDB_MODE", "offline"), "WANDB_RUN_GROUP": sweep.name}
    runner = Runner(partial(processes.call, environment=offline))
    with processes.ended_by_signal():
        for folder, for_others in left(trials.graph, [node]).items():
            record = runner.run(trials.graph.nodes[folder], for_others=for_others)
            if record.status != "done":
                return SweepTrial(number, values, None, f"{record.error} ({folder / LOG})")
    metrics = (read_json(node.folder / "metrics.json") or {"metrics": {}})["metrics"]
    if sweep.metric not in metrics:
        hint = did_you_mean(sweep.metric, metrics)
        raise UserError(f"{sweep.path}: expected a metric that runs log, got {sweep.metric!r}{hint}")
    result = metrics[sweep.metric]
    return SweepTrial(
        number, values, result, str(node.folder) if result is not None else f"{sweep.metric} is not finite"
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; a polite request to end interrupts it.

    Raises:
        UserError: If another process has it: at once where that is known to be at work, else when it has had time to
            run out, as that of a machine that is gone does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lease, deadline = Lease(folder / "lease"), monotonic() + PATIENCE
    with sigterm_interrupts():
        for look in itertools.count():
            if lease.take():
                break
            if (look and lease.is_at_work_here) or monotonic() > deadline:  # two that begin at once both step back
                raise UserError(f"{folder}: expected to be the only process at this sweep, got another")
            if look == 1:
                print(f"{folder}: another process was at this sweep: looking for {PATIENCE:.0f} s whether it is gone")
            sleep(LOOKS)
        try:
            yield
        finally:
            lease.give_back()
