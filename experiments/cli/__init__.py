"""The command line of ``experiments.train``: how it is read, checked, built and run, and what is said of mistakes."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.cli.checkpoint_checks import check_checkpoint
    from experiments.cli.command_line import build, parse, run
    from experiments.cli.face_cli import FaceCLI
    from experiments.cli.first_process import is_first
    from experiments.cli.foreign_chatter import silence
    from experiments.cli.messages import brief, did_you_mean, parameters
    from experiments.cli.option_names import check_option_names
    from experiments.cli.refusals import REFUSALS, root_cause
    from experiments.cli.user_errors import UserError, main
    from experiments.cli.words import join_values, prepared

__all__ = [
    "REFUSALS",
    "FaceCLI",
    "UserError",
    "brief",
    "build",
    "check_checkpoint",
    "check_option_names",
    "did_you_mean",
    "is_first",
    "join_values",
    "main",
    "parameters",
    "parse",
    "prepared",
    "root_cause",
    "run",
    "silence",
]

export_lazily(__name__)
