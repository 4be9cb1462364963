"""The command line of ``experiments.train``: how it is read, checked, built and run, and what is said of mistakes."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.cli.called_cli import called, parsed
    from experiments.cli.checkpoint_checks import check_checkpoint
    from experiments.cli.command_line import build, parse, run
    from experiments.cli.dry_cli import BuildingCLI
    from experiments.cli.face_cli import FaceCLI
    from experiments.cli.first_process import is_first
    from experiments.cli.foreign_chatter import silence
    from experiments.cli.messages import brief, did_you_mean, parameters
    from experiments.cli.refusals import REFUSALS, root_cause
    from experiments.cli.user_errors import UserError, main
    from experiments.cli.wandb_runs import has_wandb_key, logs_online, settle_mode
    from experiments.cli.words import join_values

__all__ = [
    "REFUSALS",
    "BuildingCLI",
    "FaceCLI",
    "UserError",
    "brief",
    "build",
    "called",
    "check_checkpoint",
    "did_you_mean",
    "has_wandb_key",
    "is_first",
    "join_values",
    "logs_online",
    "main",
    "parameters",
    "parse",
    "parsed",
    "root_cause",
    "run",
    "settle_mode",
    "silence",
]

export_lazily(__name__)
