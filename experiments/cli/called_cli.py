"""A LightningCLI that is called with a command line: whatever it raises is said in one line."""

import warnings
from collections.abc import Callable, Sequence

from jsonargparse import ArgumentError
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.exceptions import SIGTERMException

from experiments.cli import wandb_runs
from experiments.cli.dry_cli import ParsingCLI
from experiments.cli.face_cli import FaceCLI
from experiments.cli.foreign_chatter import silence
from experiments.cli.refusals import refusal
from experiments.cli.user_errors import UserError
from experiments.runs.stopping import TERMINATED


def called(cli: Callable[..., FaceCLI], words: Sequence[str], siblings: Sequence[str]) -> FaceCLI:
    """Return a CLI that has done what a command line asks for.

    Args:
        cli: What does it.
        words: The command line, prepared.
        siblings: Options of the calling command, which a misspelt key may have meant.

    Raises:
        UserError: If it cannot be done.
    """
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
