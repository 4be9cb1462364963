"""A sweep without a server: trials as command lines, one after the other, chosen by Optuna and kept in SQLite."""

import json
import math
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.trial import TrialState

from callbacks.run_files import read_json
from experiments.cli import UserError, did_you_mean
from experiments.commands import first_error, sigterm_interrupts, try_lock
from experiments.launch import digest
from experiments.sweeping.declaration import Sweep

FOLDER = Path("runs/sweeps")
STARTUP = 8  # trials at random, before a model chooses


class Trial(NamedTuple):
    """One run of a sweep."""

    number: int
    values: Mapping[str, Any]
    result: float | None
    """The metric, ``None`` where the run failed."""
    note: str = ""


def is_number(value: Any) -> bool:
    """Whether a result can be compared.

    Example:
        >>> [is_number(value) for value in (0.5, 1, float("nan"), float("inf"), "NaN", None, True)]
        [True, True, False, False, False, False, False]
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def run_here(sweep: Sweep, overrides: Sequence[str], trials: int | None, *, depends_on: str = "") -> list[Trial]:
    """Run what a sweep has not yet run, and return all its trials.

    An interrupted sweep goes on: its finished trials are kept, one that was cut off is run again. Trials are the same
    ones, whether it was interrupted or not.

    Args:
        sweep: What is swept.
        overrides: Further options of every trial.
        trials: How many, those of earlier calls included; by default the grid's, or the file's ``run_cap``.
        depends_on: What else tells the trials from those of another sweep: their configuration, their data.

    Raises:
        UserError: If the number of trials is missing, another process runs the sweep, the folder holds one of other
            settings, or no run logs the metric.
    """
    points = list(sweep.grid()) if sweep.method == "grid" else []
    count = trials or sweep.run_cap or len(points)
    if not count:
        raise UserError(f"{sweep.path}: expected `run_cap`, or --trials N, with method {sweep.method}, got neither")
    count = min(count, len(points) or count)
    folder = FOLDER / sweep.name
    with locked(folder) as lock:
        study = open_study(sweep, overrides, folder, depends_on)
        for point in points:
            study.enqueue_trial(point, skip_if_exists=True)
        for number, chosen in pending(study, sweep, count):
            values = sweep.values(chosen)
            print(f"Trial {number + 1} of {count}: {', '.join(f'{k} = {v}' for k, v in values.items())}", flush=True)
            trial = run_trial(sweep, number, values, overrides, folder, lock)
            state = TrialState.FAIL if trial.result is None else TrialState.COMPLETE
            study.tell(number, trial.result, state=state)
            print(f"    {sweep.metric}: {trial.note or trial.result}", flush=True)
        return [
            Trial(
                one.number,
                sweep.values(one.params),
                one.value,
                "" if one.state == TrialState.COMPLETE else _error(folder, one.number),
            )
            for one in study.get_trials(states=(TrialState.COMPLETE, TrialState.FAIL))
            if set(one.params) == set(sweep.space)
        ]


def open_study(sweep: Sweep, overrides: Sequence[str], folder: Path, depends_on: str = "") -> optuna.Study:
    """Return the study in a folder, a new one where there is none.

    Raises:
        UserError: If it is one of other settings.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    what = {key: value for key, value in sweep.config.items() if key not in {"description", "run_cap"}}
    key = digest(json.dumps([what, list(overrides)], sort_keys=True), depends_on)
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
        study.sampler = (
            optuna.samplers.TPESampler(seed=done, n_startup_trials=STARTUP)
            if sweep.method == "bayes"
            else optuna.samplers.RandomSampler(seed=done)
        )
        asked = study.ask(dict(sweep.space))
        yield asked.number, asked.params


def run_trial(
    sweep: Sweep, number: int, values: Mapping[str, Any], overrides: Sequence[str], folder: Path, lock: int
) -> Trial:
    """Run one trial as a command line of its own, and read what it found.

    Raises:
        UserError: If it went well and did not log the metric: no other will.
    """
    name = f"trial-{number}"
    shutil.rmtree(folder / name, ignore_errors=True)
    loggers = [
        {
            "class_path": "pytorch_lightning.loggers.CSVLogger",
            "init_args": {"save_dir": str(FOLDER), "name": sweep.name, "version": name},
        },
        {
            "class_path": "pytorch_lightning.loggers.WandbLogger",
            "init_args": {"save_dir": "runs", "name": f"{sweep.name}-{number}", "project": sweep.config.get("project")},
        },
    ]
    command = [*sweep.command_line(values), *overrides, f"--trainer.logger={json.dumps(loggers)}"]
    environment = {"WANDB_MODE": "offline", **os.environ, "WANDB_RUN_GROUP": sweep.name}
    with (folder / f"{name}.log").open("w") as log:
        # the lock goes along: no other sweep runs this trial as long as this process lives
        done = subprocess.run(  # noqa: S603  the sweep's own command line
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, pass_fds=[lock], check=False
        )
    found = read_json(folder / name / "metrics.json")
    if done.returncode != 0 or not found:
        return Trial(number, values, None, _error(folder, number, done.returncode))
    metrics = found["metrics"]
    if sweep.metric not in metrics:
        hint = did_you_mean(sweep.metric, metrics)
        raise UserError(f"{sweep.path}: expected a metric that runs log, got {sweep.metric!r}{hint}")
    result = metrics[sweep.metric]
    return Trial(number, values, result, "" if result is not None else f"{sweep.metric} is not finite")


def _error(folder: Path, number: int, status: int = 1) -> str:
    """Return the first line of what went wrong in a trial."""
    log = folder / f"trial-{number}.log"
    return f"{first_error(log.read_text(errors='replace') if log.exists() else '', status)} ({log})"


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Hold a folder for this process and those that it starts; a polite request to end ends them too.

    Raises:
        UserError: If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with sigterm_interrupts(), (folder / "lock").open("w") as lock:
        if not try_lock(lock):
            raise UserError(f"{folder}: expected to be the only process at this sweep, got another")
        yield lock.fileno()
