"""Sweep a hyper-parameter by a file in W&B's format: on W&B's server with a key, else here, by Optuna.

    python -m experiments.sweep experiments/sweeps/lambda.yaml [--trials N] [--name NAME] [--key=value …]

This is what ``make sweep-lambda ARGS="…"`` calls. Further options go to every trial. Either way it ends with a table of
the trials, the best value and its response curve in ``runs/sweeps/<name>``. Trials are runs like others, kept in
``runs/<system>/<digest>``; without a key an interrupted sweep is resumed where it stopped.
"""

import argparse
from collections.abc import Sequence

from experiments import sweeping
from experiments.cli.arguments import Parser
from experiments.cli.user_errors import UserError, main
from experiments.cli.words import join_values


def sweep(args: Sequence[str]) -> None:
    """Run a sweep and say what it found.

    Raises:
        UserError: If the file or an option is wrong, or every trial fails.
    """
    options, overrides = parse(args)
    sweeping.run_sweep(options, overrides)


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


if __name__ == "__main__":
    main(sweep)
