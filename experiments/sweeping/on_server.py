"""A sweep on the server of Weights & Biases, whose agent calls the trials."""

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.sweeping.local import SweepTrial
from experiments.sweeping.sweep_file import Sweep


def run_on_server(wanted: Sweep, overrides: Sequence[str], trials: int | None) -> list[SweepTrial]:
    """Create a sweep on W&B's server, work on it until it ends, and return its finished runs.

    This process runs ``trials`` at most; other machines' agents add theirs.
    """
    import wandb  # noqa: PLC0415  takes a second: pay only when used

    # the agent calls `python`, which is to be this one
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    config = {**wanted.config, "name": wanted.name, "command": [*wanted.command, *overrides]}
    where: dict[str, Any] = {"entity": wanted.config.get("entity"), "project": wanted.config.get("project")}
    sweep_id = wandb.sweep(config, **where)
    path = "/".join(filter(None, (*where.values(), sweep_id)))
    print(f"On further machines: wandb agent {path}")
    wandb.agent(sweep_id, **where, count=trials)
    found_runs = wandb.Api().sweep(path).runs  # type: ignore[no-untyped-call]  # W&B's
    runs = [found for found in found_runs if found.state in {"finished", "failed", "crashed"}]
    return [_trial_of(wanted, number, found) for number, found in enumerate(runs)]


def _trial_of(wanted: Sweep, number: int, found: Any) -> SweepTrial:
    """Return a run of W&B's as a trial; one that did not end well, or measured no number, has no result."""
    values = {name: found.config.get(name) for name in wanted.space}
    result, note = found.summary.get(wanted.metric), str(found.state)
    if found.state == "finished" and type(result) in (int, float) and math.isfinite(result):  # truth is no number
        return SweepTrial(number, values, result, note)
    return SweepTrial(number, values, None, f"{wanted.metric} is {result}" if found.state == "finished" else note)
