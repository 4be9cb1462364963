"""Choose configuration, scale and stages for one of the systems, and train it.

    python -m experiments.launch soidn [--data FOLDER] [--scale demo|paper] [--weights FILE]
                                       [--alignment arcface|lfw] [--key=value …]

This is what ``make train-soidn DATA=… SCALE=… ARGS="…"`` calls. Everything it decides is a configuration of
``experiments.train`` and is printed; further options override that configuration's keys. A run is kept in
``runs/<system>/<digest>`` and found there again, by this command, by sweeps and by reproductions; one that was cut off
is resumed.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments import runs
from experiments.cli.arguments import Parser
from experiments.cli.user_errors import main
from experiments.options import add_data_options, check_overrides

if TYPE_CHECKING:
    from experiments.cli import FaceCLI


def launch(args: Sequence[str]) -> None:
    """Train one system, after what it depends on; what is there already is not run again.

    Raises:
        UserError: If the data cannot be used, an option is wrong, or weights are missing.
    """
    options, overrides = parse(args)
    runs.train_system(*runs.planned_system(options, overrides))


def rehearse(args: Sequence[str]) -> "FaceCLI":
    """Refuse a command line that cannot work, without training anything, and return what it would train.

    Raises:
        UserError: If an option is wrong, or the data cannot be used.
    """
    options, overrides = parse(args)
    _, wanted = runs.planned_system(options, overrides)
    return runs.rehearsed(wanted.spec)


def parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and the configuration's.

    Raises:
        UserError: If one does not exist.
    """
    parser = Parser(
        prog="python -m experiments.launch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("system", choices=list(runs.systems()))
    add_data_options(parser)
    options, overrides = parser.parse_known_args(args)
    check_overrides(options.system, options.scale, overrides)
    return options, overrides


if __name__ == "__main__":
    main(launch)
