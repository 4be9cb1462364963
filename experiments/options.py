"""The options that choose data, scale and weights, the same in every command that asks for runs."""

import argparse
from collections.abc import Sequence

from experiments import cli
from experiments.runs.layers import configuration

SIBLINGS = ("data", "scale", "alignment", "weights")
"""Those that a misspelt key of a configuration may have meant."""


def add_data_options(parser: argparse.ArgumentParser, *, weights: str = "local file of initial weights") -> None:
    """Add the options to a command's."""
    parser.add_argument("--data", help="folder of one sub-folder per identity, or InsightFace RecordIO folder")
    parser.add_argument("--scale", choices=("demo", "paper"), help="size of model, images and schedule")
    parser.add_argument("--alignment", default="arcface", help="where landmarks are in aligned crops")
    parser.add_argument("--weights", help=weights)


def check_overrides(system: str, scale: str | None, overrides: Sequence[str]) -> None:
    """Refuse options of a system's configuration that do not exist, before the libraries that take them are loaded.

    Raises:
        UserError: If there is one.
    """
    words = ["fit", f"--config={configuration(system, scale or 'demo')}", *overrides]
    cli.check_option_names(cli.prepared(words), SIBLINGS)
