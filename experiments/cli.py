"""LightningCLI with this suite's links, its saved config and errors that people can read."""

import os
import sys
from collections.abc import Sequence
from netrc import NetrcParseError, netrc
from typing import Any

from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import CSVLogger
from jsonargparse import ArgumentError
from lightning_fabric.utilities.exceptions import MisconfigurationException
from lightning_utilities.core.rank_zero import rank_zero_info

from datamodules.errors import DataError
from experiments.results import report


class UserError(Exception):
    """Something the user can mend: shown as one line, without a traceback."""


class LogConfigCallback(SaveConfigCallback):
    """Saves the parsed config beside the run and gives it to every logger."""

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Log the config as hyper-parameters; the CSV logger has it as a file already."""
        for logger in trainer.loggers:
            if not isinstance(logger, CSVLogger):
                logger.log_hyperparams(self.config.as_dict())


class FaceCLI(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict`` for any module on any data; a fit ends with a test."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Give every value that two parts share one place in the config."""
        parser.add_argument("--system", type=str, default="model", help="Name in tables, as in the paper's.")
        parser.add_argument("--evaluate", type=bool, default=True, help="Whether a fit ends with the evaluation.")
        parser.link_arguments("seed_everything", "data.init_args.seed")
        parser.link_arguments("data.init_args.image_size", "model.init_args.network.init_args.image_size")
        parser.link_arguments("data.num_classes", "model.init_args.num_classes", apply_on="instantiate")

    def instantiate_classes(self) -> None:
        """Build everything; a value that a class refuses is the user's to mend."""
        try:
            super().instantiate_classes()
        except (ValueError, OSError, MisconfigurationException) as error:
            raise UserError(str(error)) from error

    def before_fit(self) -> None:
        """Say what will be trained on."""
        if describe := getattr(self.datamodule, "describe", None):
            rank_zero_info(describe())

    def after_fit(self) -> None:
        """Evaluate the trained weights on people that training never saw."""
        if self._get(self.config, "evaluate") and not self.trainer.interrupted:
            self.trainer.test(self.model, datamodule=self.datamodule, verbose=False)
            self.after_test()

    def after_test(self) -> None:
        """Print the table and write it beside the run."""
        if self.trainer.is_global_zero:
            report(self.trainer, self._get(self.config, "system"))


def run(args: Sequence[str]) -> FaceCLI:
    """Run one command line in this process.

    Args:
        args: As in ``python -m experiments.train``: a subcommand and its options.

    Raises:
        UserError: If what was asked for cannot be done; the message is one line.
    """
    log_offline_without_key()
    try:
        return FaceCLI(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=LogConfigCallback,
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_kwargs={"exit_on_error": False},
            args=list(args),
        )
    except (ArgumentError, DataError, MisconfigurationException) as error:
        raise UserError(str(error)) from error


def main(command: Any, args: Sequence[str] | None = None) -> None:
    """Call ``command(args)`` and turn a user's error into one line and exit status 1."""
    try:
        command(sys.argv[1:] if args is None else args)
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


def log_offline_without_key() -> None:
    """Let W&B write to disk only, unless the user has a key or has said what to do."""
    if "WANDB_MODE" in os.environ or "WANDB_API_KEY" in os.environ:
        return
    try:
        hosts = netrc().hosts
    except (OSError, NetrcParseError):
        hosts = {}
    if not any("wandb" in host for host in hosts):
        os.environ["WANDB_MODE"] = "offline"
