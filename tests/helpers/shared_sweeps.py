"""Sweeps that several workers share: their file, workers in processes of their own, and what they leave."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from optuna.storages import RDBStorage
from sqlalchemy import text

from experiments.sweeping import shared
from experiments.sweeping.local import SweepTrial
from experiments.sweeping.shared import SharedStudy, run_shared
from experiments.sweeping.study_storage import open_storage
from experiments.sweeping.sweep_file import Sweep, read_sweep
from tests.helpers.short_runs import until

STORAGES = ["study.journal", "sqlite:///study.db"]
GRID = {"rate": {"values": [0.1, 0.2, 0.3]}}


def declared(method: str = "random", **more: Any) -> Sweep:
    """Write a sweep's file and read it."""
    parameters = GRID if method == "grid" else {"rate": {"min": 0.0, "max": 1.0}}
    content = {"method": method, "metric": {"name": "m", "goal": "maximize"}, "parameters": parameters, **more}
    Path("mine.yaml").write_text(yaml.safe_dump(content))
    return read_sweep("mine.yaml")


def found(number: int, values: Mapping[str, Any]) -> SweepTrial:
    """Find the value itself, and note that a trial was run."""
    with Path("ran.txt").open("a") as file:
        file.write(f"{number} {values['rate']}\n")
    return SweepTrial(number, values, values["rate"], f"runs/{number}")


def of_two(number: int, values: Mapping[str, Any]) -> SweepTrial:
    """Say that it has begun, and end when another worker has begun one, too."""
    Path(f"begun-{os.getpid()}").touch()
    until(lambda: len(list(Path().glob("begun-*"))) > 1)
    return found(number, values)


def when_told(number: int, values: Mapping[str, Any]) -> SweepTrial:
    """Say that it has begun, and end when there is a file ``go``."""
    Path(f"begun-{os.getpid()}").touch()
    until(Path("go").exists)
    return found(number, values)


def ran() -> list[int]:
    """Return the numbers of the trials that were run."""
    return [int(line.split()[0]) for line in Path("ran.txt").read_text().splitlines()]


def worker(folder: str, where: str, trials: int, how: Callable[[int, Mapping[str, Any]], SweepTrial]) -> None:
    """Work on the sweep of a folder, in a process of one's own."""
    os.chdir(folder)
    shared.LOOKS = 0.1
    sys.stdout = Path(f"said-{os.getpid()}.txt").open("w")  # noqa: SIM115
    run_shared(read_sweep("mine.yaml"), how, trials, settings="s", where=where)


def grow_old(where: str) -> None:
    """Let all signs of life in a database be an hour old; leases beside a journal need no time."""
    if "://" not in where:
        return
    storage = open_storage(where)
    assert isinstance(storage, RDBStorage)
    is_sqlite = where.startswith("sqlite")
    an_hour_before = "datetime(heartbeat, '-1 hour')" if is_sqlite else "heartbeat - interval '1 hour'"
    with storage.engine.begin() as connection:
        connection.execute(text(f"UPDATE trial_heartbeats SET heartbeat = {an_hour_before}"))  # noqa: S608  own words
    storage.engine.dispose()


def has_silent_trials(study: SharedStudy) -> bool:
    """Whether a trial in a database has given no sign of life for too long."""
    return bool(study.study._storage._get_stale_trial_ids(study.study._study_id))  # type: ignore[attr-defined]  # of a database
