"""A LightningCLI that is called with a command line, run, built or only parsed: what it raises is said in one line."""

import warnings
from collections.abc import Callable, Sequence

from jsonargparse import ArgumentError
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException

from experiments.cli import wandb_runs
from experiments.cli.face_cli import FaceCLI
from experiments.cli.foreign_chatter import silence
from experiments.cli.refusals import refusal
from experiments.cli.user_errors import UserError
from experiments.runs.saving import TERMINATED


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


def called(cli: Callable[..., FaceCLI], words: Sequence[str], siblings: Sequence[str]) -> FaceCLI:
    """Return a CLI that has done what a command line asks for."""
    wandb_runs.settle_mode()
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


def parsed(words: Sequence[str], siblings: Sequence[str]) -> ParsingCLI:
    """Return a CLI that has parsed; to make its parser takes as long as to parse, so the first one is kept."""
    if not _KEPT:
        _KEPT.append(ParsingCLI(words, siblings))
        return _KEPT[0]
    (kept,) = _KEPT
    kept.siblings = siblings
    kept.parse_arguments(kept.parser, list(words))
    return kept


_KEPT: list[ParsingCLI] = []
