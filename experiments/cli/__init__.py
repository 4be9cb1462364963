"""The command line of ``experiments.train``: how it is read, checked, built and run, and what is said of mistakes.

Whatever is refused is a :class:`UserError`, whose message is one line.
"""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.cli.called_cli import BuildingCLI, called, parsed
    from experiments.cli.command_line import build, join_values, parse, run
    from experiments.cli.face_cli import FaceCLI
    from experiments.cli.first_process import is_first
    from experiments.cli.foreign_chatter import silence
    from experiments.cli.messages import did_you_mean, parameters
    from experiments.cli.refusals import REFUSALS, root_cause
    from experiments.cli.user_errors import UserError, main
    from experiments.cli.wandb_runs import has_wandb_key, logs_online, settle_mode
    from experiments.runs.checkpoint_files import check_checkpoint

__all__ = [
    "REFUSALS",
    "BuildingCLI",
    "FaceCLI",
    "UserError",
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
