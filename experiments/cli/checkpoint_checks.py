"""Checkpoints that a command line names, looked at before anything is built."""

from pathlib import Path

from experiments.cli.user_errors import UserError
from experiments.runs.checkpoint_files import damage, holds_training, whole_checkpoint
from lightning_modules.networks import read_state_dict


def usable_checkpoint(path: str, *, resumes: bool, folder: str) -> str:
    """Return a checkpoint that is whole: the one before, where a training resumes and the named one is damaged.

    Args:
        path: A file, ``last``, or ``hpc``, which SLURM's request has left; only a process that has trained knows its
            ``best``.
        resumes: Whether a training is to resume from it, for which weights alone are not enough.
        folder: The trainer's.

    Raises:
        UserError: If there is none.
    """
    if path == "best":
        raise UserError("Expected a file as `ckpt_path`, got 'best', which only the process knows that has trained")
    if path == "hpc" and "://" not in folder and not any(Path(folder).glob("hpc_ckpt_*.ckpt")):
        raise UserError(f"Expected a checkpoint hpc_ckpt_….ckpt in {folder} for `ckpt_path` 'hpc', got none")
    if path not in {"last", "hpc"}:
        if resumes and Path(path).is_file():
            path = str(whole_checkpoint(path))
        check_checkpoint(path, resumes=resumes)
    return path


def check_checkpoint(path: str, *, resumes: bool = False) -> None:
    """Refuse a file that is no checkpoint of this suite, or not as it was written.

    Args:
        path: The file.
        resumes: Whether a training is to resume from it, for which weights alone are not enough.

    Raises:
        UserError: If it is missing, unreadable, damaged, another's, or weights alone.
    """
    try:
        names = list(read_state_dict(path))
    except ValueError as error:
        raise UserError(str(error)) from error
    if not any(name.startswith("network.") for name in names):
        raise UserError(f"Expected a checkpoint of this suite, with `network.…`, got {names[0]!r}, … in {path}")
    if (reason := damage(Path(path))) is not None:
        raise UserError(f"Expected a whole checkpoint, got {path}, which is damaged: {reason}")
    if resumes and not holds_training(path):
        raise UserError(
            f"Expected a checkpoint that a training can resume from, got {path}, which holds weights alone: "
            f"--model.init_args.initial_weights={path} starts from them"
        )
