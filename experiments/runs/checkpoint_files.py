"""Checkpoints on disk: whether one is as it was written and can be used, and of one that is damaged the one before."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from datamodules.errors import DataError
from experiments.cli.user_errors import UserError, as_user_errors
from lightning_modules.networks import read_state_dict

PREVIOUS = ".previous"
"""What is put behind the name of a checkpoint that another has taken the place of."""


def whole_checkpoint(path: Path | str) -> Path:
    """Return a checkpoint, or the one before where it is damaged, and say so.

    That is the one whose place it has taken, else the latest of the same folder that is not newer.

    Raises:
        DataError: If it is missing, or damaged and none is before it.
    """
    path = Path(path)
    reason = damage(path)
    if reason is None:
        return path
    if not path.exists():
        raise DataError(f"Expected a checkpoint at {path}, got {reason}")
    for other in _before(path):
        if damage(other) is None:
            from pytorch_lightning.utilities import rank_zero_info  # noqa: PLC0415  takes seconds

            rank_zero_info(f"{path} is damaged ({reason}): resuming from the one before, {other}")
            return other
    raise DataError(f"Expected a whole checkpoint, got {path}, which is damaged ({reason}), and none before it")


def damage(path: Path) -> str | None:
    """Return what is wrong with a checkpoint's file, ``None`` where it is as it was written: its sums are looked at."""
    try:
        if not path.is_file():
            return "no such file"
        if not zipfile.is_zipfile(path):
            read_state_dict(path)  # an older format of torch, if it can be read
            return None
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        return f"{type(error).__name__}: {error}"
    if broken is not None:
        return f"{broken} is not what was written"
    from lightning_modules.networks.class_parallel import damaged_shards  # noqa: PLC0415  half a second

    return damaged_shards(path)


def holds_training(path: Path | str) -> bool:
    """Return whether a file is of a training that can be resumed: optimizers and loops beside the weights."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception:  # safetensors for one, which torch does not read and Lightning does not write
        return False
    if not isinstance(content, Mapping) or "pytorch-lightning_version" not in content:
        return False
    loops = content.get("loops")
    return bool(content.get("optimizer_states")) and isinstance(loops, Mapping) and bool(loops.get("fit_loop"))


def _before(path: Path) -> list[Path]:
    latest = path.stat().st_mtime_ns
    others = [other for other in path.parent.glob(f"*{path.suffix}") if other != path]
    others = [other for other in others if other.stat().st_mtime_ns <= latest]
    return [previous(path), *sorted(others, key=lambda other: other.stat().st_mtime_ns, reverse=True)]


def previous(path: Path) -> Path:
    """Return where the checkpoint is kept whose place a checkpoint has taken."""
    return path.with_name(path.name + PREVIOUS)


def usable_checkpoint(path: str | Path, *, resumes: bool, folder: str | Path) -> str:
    """Return a checkpoint that is whole: the one before, where a training resumes and the named one is damaged.

    Args:
        path: A file, ``last``, or ``hpc``, which SLURM's request has left; only a process that has trained knows its
            ``best``.
        resumes: Whether a training is to resume from it, for which weights alone are not enough.
        folder: The trainer's.

    Raises:
        UserError: If there is none.
    """
    path, folder = str(path), str(folder)  # which of both a parser makes depends on what was imported before
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
    with as_user_errors(ValueError):
        names = list(read_state_dict(path))
    if not any(name.startswith("network.") for name in names):
        raise UserError(f"Expected a checkpoint of this suite, with `network.…`, got {names[0]!r}, … in {path}")
    if (reason := damage(Path(path))) is not None:
        raise UserError(f"Expected a whole checkpoint, got {path}, which is damaged: {reason}")
    if resumes and not holds_training(path):
        raise UserError(
            f"Expected a checkpoint that a training can resume from, got {path}, which holds weights alone: "
            f"--model.init_args.initial_weights={path} starts from them"
        )
