"""Options that commands share, and those that they hand on."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from experiments.cli.command_line import join_values
from experiments.cli.option_names import check_option_names
from experiments.cli.user_errors import as_user_errors
from experiments.runs.data_choice import choose_data, choose_scale
from experiments.runs.resolution import SIBLINGS
from experiments.runs.setting import Setting, Shared, shared_overrides
from lightning_modules.networks.checkpoint_file import check_is_there


def add_data_options(parser: argparse.ArgumentParser, *, weights: str = "local file of initial weights") -> None:
    """Add the options that choose data, scale and weights, the same in every command."""
    parser.add_argument("--data", help="folder of one sub-folder per identity, InsightFace RecordIO folder, or shards")
    parser.add_argument("--scale", choices=("demo", "paper"), help="size of model, images and schedule")
    parser.add_argument("--alignment", help="of the crops; by default as align_settings.json says, else arcface")
    parser.add_argument("--weights", help=weights)


def chosen_setting(options: argparse.Namespace, overrides: Sequence[str], shared: Shared = shared_overrides) -> Setting:
    """Return what a command line chooses, and say what and why.

    Raises:
        UserError: If the data cannot be used, weights are missing, or an option does not exist.
    """
    overrides = join_values(overrides)
    check_option_names(["fit", *overrides], siblings=SIBLINGS)
    if options.weights not in (None, "imagenet"):
        with as_user_errors(ValueError):
            check_is_there(Path(options.weights))
    scale, why = choose_scale(options.scale, has_data=options.data is not None, has_gpu=torch.cuda.is_available())
    print(f"Scale: {scale} ({why})")
    data = choose_data(options.data, options.alignment, scale)
    return Setting(scale, data, options.weights, tuple(overrides), shared)
