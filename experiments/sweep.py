"""Sweep a hyper-parameter by a file in W&B's format: on W&B's server with a key, else here, by Optuna.

    python -m experiments.sweep experiments/sweeps/lambda.yaml [--trials N] [--name NAME] [--key=value …]

This is what ``make sweep-lambda ARGS="…"`` calls. Further options go to every trial. Either way it ends with a table of
the trials, the best value and its response curve in ``runs/sweeps/<name>``. Without a key an interrupted sweep goes on
where it stopped.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from experiments.cli import UserError, did_you_mean, join_values, main, run
from experiments.cli.wandb_runs import has_wandb_key, logs_online, settle_mode
from experiments.contents import Contents
from experiments.launch import Parser, digest, rehearse
from experiments.measures import SPLITS, logged_names
from experiments.sweeping.declaration import Sweep, read_sweep
from experiments.sweeping.local import FOLDER, Trial, is_number, run_here
from experiments.sweeping.response_curve import best_trial, draw_response, short_names

Config = dict[str, Any]


def sweep(args: Sequence[str]) -> None:
    """Run a sweep and say what it found.

    Raises:
        UserError: If the file or an option is wrong, or every trial fails.
    """
    options, overrides = parse(args)
    wanted = read_sweep(options.file, options.name)
    planned = check(wanted, overrides)
    settle_mode()
    on_server = has_wandb_key() and logs_online()
    print(f"Sweep {wanted.name}: {wanted.method}, {'on W&B' if on_server else 'here, by Optuna; without W&B'}")
    if "early_terminate" in wanted.config and not on_server:
        print("`early_terminate` is W&B's: here every trial runs to its end")
    try:
        check_metric(wanted, planned, SPLITS if on_server else SPLITS[-1:])
        if on_server:
            trials = run_on_server(wanted, overrides, options.trials)
        else:
            trials = run_here(wanted, overrides, options.trials, depends_on=made_of(wanted, overrides, planned))
    except KeyboardInterrupt as error:
        raise UserError(f"{wanted.path}: interrupted; the same command goes on where it stopped") from error
    report(wanted, trials)


def parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and the trials'."""
    parser = Parser(
        prog="python -m experiments.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", help="YAML in W&B's format, such as experiments/sweeps/lambda.yaml")
    parser.add_argument("--trials", type=int, help="how many in all; by default the whole grid, or the file's run_cap")
    parser.add_argument("--name", help="of the sweep and its folder, instead of the file's")
    options, overrides = parser.parse_known_args(args)
    if options.trials is not None and options.trials < 1:
        raise UserError(f"argument --trials: expected at least 1, got {options.trials}")
    return options, join_values(overrides)


def check(wanted: Sweep, overrides: Sequence[str]) -> Config:
    """Refuse a sweep whose trials cannot run, without training anything, and return the first one's configuration.

    Raises:
        UserError: If a key does not exist, a value is refused, or an option would undo what is swept.
    """
    undone = [word for word in overrides if word.removeprefix("--").partition("=")[0] in wanted.space]
    if undone:
        raise UserError(f"{wanted.path}: expected other options than what is swept, got {undone[0]}")
    command = [*wanted.command_line(wanted.values(wanted.first())), *overrides]
    try:
        return rehearse_command(command)
    except UserError as error:
        raise UserError(f"{wanted.path}: {error}") from error


def check_metric(wanted: Sweep, config: Config, splits: Sequence[str]) -> None:
    """Refuse a sweep by what no trial will be judged by.

    Args:
        wanted: The sweep.
        config: A trial's configuration.
        splits: What its measures are kept of: here, in ``metrics.json``, of the test alone.

    Raises:
        UserError: If its metric is none of those.
    """
    names = logged_names(config)
    if wanted.metric.partition("/")[0] not in splits or not names.have(wanted.metric):
        near = did_you_mean(wanted.metric, sorted(name for name in names.known if name.partition("/")[0] in splits))
        expected = f"expected `metric.name` to be a measure of {' or '.join(splits)} that trials log"
        raise UserError(f"{wanted.path}: {expected}, got {wanted.metric!r}{near}")


def made_of(wanted: Sweep, overrides: Sequence[str], config: Config) -> str:
    """Return what tells trials from those of other settings or data: the configuration, and what it names.

    Args:
        wanted: The sweep.
        overrides: Further options of every trial.
        config: The first trial's whole configuration.
    """
    named = [*wanted.command_line(wanted.values(wanted.first())), *overrides]
    parts = [f"--{part}={json.dumps(config.get(part), default=str)}" for part in ("data", "model")]
    return digest(json.dumps(config, default=str, sort_keys=True), *Contents().named_in([*named, *parts]))


def rehearse_command(command: Sequence[str]) -> Config:
    """Build what a trial's command line asks for, so that a mistake in it shows, and return its configuration.

    Raises:
        UserError: If there is one, or the command is none of this suite's trainings.
    """
    module, *args = command[command.index("-m") + 1 :] if "-m" in command else ["none"]
    if module == "experiments.launch":
        planned = rehearse(args)
    elif module == "experiments.train":
        planned = run(args, dry=True)
    else:
        raise UserError(f"expected `command` with -m experiments.launch or experiments.train, got {' '.join(command)}")
    config: Config = planned.config[planned.config["subcommand"]].as_dict()
    return config


def run_on_server(wanted: Sweep, overrides: Sequence[str], trials: int | None) -> list[Trial]:
    """Create a sweep on W&B's server, work on it until it ends, and return its finished runs.

    Args:
        wanted: The sweep.
        overrides: Further options of every trial.
        trials: How many this process runs at most; other machines' agents add theirs.
    """
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


def _trial_of(wanted: Sweep, number: int, found: Any) -> Trial:
    """Return a run of W&B's as a trial; one that did not end well, or measured no number, has no result."""
    values = {name: found.config.get(name) for name in wanted.space}
    result, note = found.summary.get(wanted.metric), str(found.state)
    if found.state == "finished" and not is_number(result):
        note = f"{wanted.metric} is {result}"
    return Trial(number, values, result if found.state == "finished" and is_number(result) else None, note)


def report(wanted: Sweep, trials: Sequence[Trial]) -> None:
    """Print the table and the best value, and draw the response curve.

    Raises:
        UserError: If no trial has a result.
    """
    good = [trial for trial in trials if trial.result is not None]
    if not good:
        reason = f", the first: {trials[0].note}" if trials else ""
        raise UserError(f"{wanted.path}: all {len(trials)} trials failed{reason}")
    names = short_names(wanted)
    table = Table("trial", *names.values(), wanted.metric, title=f"Sweep {wanted.name}", box=SIMPLE_HEAD)
    for trial in trials:
        result = f"{trial.result:.4f}" if trial.result is not None else f"failed: {trial.note}"
        table.add_row(str(trial.number), *(_text(trial.values[name]) for name in names), result)
    Console().print(table)
    best = best_trial(wanted, good)
    values = ", ".join(f"{short} = {_text(best.values[name])}" for name, short in names.items())
    print(f"Best: {values} ({wanted.metric} {best.result:.4f}, trial {best.number})")
    picture = FOLDER / wanted.name / "response.png"
    draw_response(wanted, good, picture)
    print(f"Response curve: {picture}")


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(sweep)
