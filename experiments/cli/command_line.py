"""The three things that can be done with a command line of ``experiments.train``: parse, build and run it."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from jsonargparse import ArgumentError
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException

from experiments.cli import wandb_runs
from experiments.cli.face_cli import FaceCLI
from experiments.cli.foreign_chatter import silence
from experiments.cli.refusals import refusal
from experiments.cli.user_errors import UserError
from experiments.cli.words import prepared
from experiments.runs.stopping import TERMINATED


class BuildingCLI(FaceCLI):
    """Builds everything, and runs nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Do nothing."""


class ParsingCLI(BuildingCLI):
    """Parses, and builds nothing."""

    def _set_seed(self) -> None:
        """Do nothing."""

    def instantiate_classes(self) -> None:
        """Do nothing."""


def run(args: Sequence[str], *, cli: Callable[..., FaceCLI] = FaceCLI, siblings: Sequence[str] = ()) -> FaceCLI:
    """Run one command line in this process.

    Args:
        args: As in ``python -m experiments.train``: a subcommand and its options.
        cli: What does that, made of the words and the siblings.
        siblings: Options of the calling command, which a misspelt key may have meant.

    Raises:
        UserError: If what was asked for cannot be done; the message is one line.
    """
    wandb_runs.settle_mode()
    words = prepared(args)
    warnings.filterwarnings("ignore", message="LightningCLI's args parameter")  # other commands call it as a function
    silence()
    try:
        return cli(words, siblings)
    except UserError:
        raise
    except SIGTERMException as error:
        raise SystemExit(TERMINATED) from error
    except Exception as error:
        raise refusal(error, worded=(ArgumentError, MisconfigurationException)) from error
    finally:
        wandb_runs.finish()


def build(args: Sequence[str], *, siblings: Sequence[str] = ()) -> FaceCLI:
    """Build all that a command line asks for, and run nothing; arguments and errors are those of :func:`run`."""
    return run(args, cli=BuildingCLI, siblings=siblings)


def parse(args: Sequence[str], *, siblings: Sequence[str] = ()) -> dict[str, Any]:
    """Return all that a command line's configuration says, defaults included, whether or not its files are there.

    Arguments and errors are those of :func:`run`.
    """
    config = run(args, cli=_parsed, siblings=siblings).config
    resolved: dict[str, Any] = config[config["subcommand"]].as_dict()
    return resolved


def _parsed(words: Sequence[str], siblings: Sequence[str]) -> ParsingCLI:
    """Return a CLI that has parsed; to make its parser takes as long as to parse, so the first one is kept."""
    if not _KEPT:
        _KEPT.append(ParsingCLI(words, siblings))
        return _KEPT[0]
    (kept,) = _KEPT
    kept.siblings = siblings
    kept.parse_arguments(kept.parser, list(words))
    return kept


_KEPT: list[ParsingCLI] = []
