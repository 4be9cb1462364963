"""A sweep from its file to what it found, on the server of Weights & Biases or here."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.cli import UserError, did_you_mean
from experiments.cli.wandb_runs import has_wandb_key, logs_online, settle_mode
from experiments.measures import SPLITS, logged_names
from experiments.sweeping.local import run_here
from experiments.sweeping.on_server import run_on_server
from experiments.sweeping.sweep_file import Sweep, read_sweep
from experiments.sweeping.sweep_report import report
from experiments.sweeping.trials import Trials


def run_sweep(options: argparse.Namespace, overrides: Sequence[str]) -> None:
    """Run a sweep and say what it found.

    Args:
        options: Of ``experiments.sweep``.
        overrides: Of every trial.

    Raises:
        UserError: If the file or an option is wrong, or every trial fails.
    """
    wanted = read_sweep(options.file, options.name)
    trials = Trials(wanted, overrides)
    first = trials.rehearse()
    settle_mode()
    on_server = has_wandb_key() and logs_online()
    print(f"Sweep {wanted.name}: {wanted.method}, {'on W&B' if on_server else 'here, by Optuna; without W&B'}")
    if "early_terminate" in wanted.config and not on_server:
        print("`early_terminate` is W&B's: here every trial runs to its end")
    try:
        check_metric(wanted, first.config, SPLITS if on_server else SPLITS[-1:])
        if on_server:
            found = run_on_server(wanted, overrides, options.trials)
        else:
            found = run_here(wanted, trials, options.trials, settings=str(first.folder))
    except KeyboardInterrupt as error:
        raise UserError(f"{wanted.path}: interrupted; the same command resumes where it stopped") from error
    report(wanted, found)


def check_metric(wanted: Sweep, config: Mapping[str, Any], splits: Sequence[str]) -> None:
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
