"""The command line of ``experiments.train``: how it is read, checked, built and run, and what is said of mistakes."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.cli.checkpoint_checks import check_checkpoint
    from experiments.cli.command_line import build, parse, run
    from experiments.cli.dry_cli import DryCLI, ParsingCLI
    from experiments.cli.face_cli import FaceCLI
    from experiments.cli.messages import brief, did_you_mean, parameters
    from experiments.cli.refusals import REFUSALS, root_cause
    from experiments.cli.words import join_values
    from experiments.errors import UserError, main

__all__ = [
    "REFUSALS",
    "DryCLI",
    "FaceCLI",
    "ParsingCLI",
    "UserError",
    "brief",
    "build",
    "check_checkpoint",
    "did_you_mean",
    "join_values",
    "main",
    "parameters",
    "parse",
    "root_cause",
    "run",
]

export_lazily(__name__)
