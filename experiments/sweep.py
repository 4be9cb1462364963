"""Sweep a hyper-parameter by a file in W&B's format: on W&B's server with a key, else here, by Optuna.

    python -m experiments.sweep experiments/sweeps/lambda.yaml [--trials N] [--name NAME] [--key=value …]
                                [--storage URL|FILE]

This is what ``make sweep-lambda ARGS="…"`` calls. Further options go to every trial. Either way it ends with a table of
the trials, the best value and its response curve in ``runs/sweeps/<name>``. Trials are runs like others, kept in
``runs/<system>/<digest>``; without a key an interrupted sweep is resumed where it stopped. With ``--storage``, a
database or a file on a shared file system, the same command on any number of machines works on one study.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from experiments import cli, measures
from experiments.cli import UserError, did_you_mean, join_values, main
from experiments.cli.arguments import Parser
from experiments.measures.names import SPLITS
from experiments.sweeping.local import run_here, run_trial
from experiments.sweeping.on_server import run_on_server
from experiments.sweeping.shared import run_shared
from experiments.sweeping.sweep_file import Sweep, read_sweep
from experiments.sweeping.sweep_report import report
from experiments.sweeping.trials import Trials


def sweep(args: Sequence[str]) -> None:
    """Run a sweep and say what it found.

    Raises:
        UserError: If the file or an option is wrong, or every trial fails.
    """
    options, overrides = parse(args)
    wanted = read_sweep(options.file, options.name)
    trials = Trials(wanted, overrides)
    first = trials.rehearse()
    cli.settle_mode()
    on_server = options.storage is None and cli.has_wandb_key() and cli.logs_online()
    print(f"Sweep {wanted.name}: {wanted.method}, {'on W&B' if on_server else 'here, by Optuna; without W&B'}")
    if "early_terminate" in wanted.config and not on_server:
        print("`early_terminate` is W&B's: here every trial runs to its end")
    try:
        check_metric(wanted, first.config, SPLITS if on_server else SPLITS[-1:])
        if on_server:
            found = run_on_server(wanted, overrides, options.trials)
        elif options.storage is not None:
            settings = str(first.folder)
            run = partial(run_trial, wanted, trials)
            found = run_shared(wanted, run, options.trials, settings=settings, where=options.storage)
        else:
            found = run_here(wanted, trials, options.trials, settings=str(first.folder))
    except KeyboardInterrupt as error:
        raise UserError(f"{wanted.path}: interrupted; the same command resumes where it stopped") from error
    report(wanted, found)


def parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and the trials'."""
    parser = Parser(prog="python -m experiments.sweep", description=__doc__)
    parser.add_argument("file", help="YAML in W&B's format, such as experiments/sweeps/lambda.yaml")
    parser.add_argument("--trials", type=int, help="how many in all; by default the whole grid, or the file's run_cap")
    parser.add_argument("--name", help="of the sweep and its folder, instead of the file's")
    parser.add_argument("--storage", help="database's URL or journal file that workers on several machines share")
    options, overrides = parser.parse_known_args(args)
    if options.trials is not None and options.trials < 1:
        raise UserError(f"argument --trials: expected at least 1, got {options.trials}")
    return options, join_values(overrides)


def check_metric(wanted: Sweep, config: Mapping[str, Any], splits: Sequence[str]) -> None:
    """Refuse a sweep by what no trial's configuration logs of ``splits``: here, in ``metrics.json``, the test alone."""
    names = measures.logged_names(config)
    if wanted.metric.partition("/")[0] not in splits or not names.have(wanted.metric):
        near = did_you_mean(wanted.metric, sorted(name for name in names.known if name.partition("/")[0] in splits))
        expected = f"expected `metric.name` to be a measure of {' or '.join(splits)} that trials log"
        raise UserError(f"{wanted.path}: {expected}, got {wanted.metric!r}{near}")


if __name__ == "__main__":
    main(sweep)
