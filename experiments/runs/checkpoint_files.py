"""Checkpoints on disk: each whole or as it was, and of one that is damaged the one before."""

import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.utilities import rank_zero_info

from datamodules.errors import DataError
from datamodules.whole_file import whole_file
from lightning_modules.networks import read_state_dict

PREVIOUS = ".previous"
"""What is put behind the name of a checkpoint that another has taken the place of."""


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints, so that neither a kill nor a full disk damages one.

    Each is written beside its place and put there when the disk has it; Lightning itself writes to the folder for
    temporary files and copies from there, if that is on another disk. The one that was there before is kept until the
    training ends, and after that where no other stands beside it. Other file systems than the local are left to
    Lightning.

    Args:
        falls_back: Whether what is to be loaded may be the one before, where it is damaged: to go on from there leads
            to the same weights, to measure it gives other figures.
    """

    def __init__(self, *, falls_back: bool = False) -> None:
        self.falls_back = falls_back
        self._written: set[Path] = set()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Path | str, storage_options: Any | None = None) -> None:
        """Write a checkpoint.

        Raises:
            DataError: If it cannot be written; what was there before still is.
        """
        place = _local(path)
        if place is None or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        content = BytesIO()
        torch.save(checkpoint, content)
        try:
            with whole_file(place) as file:
                file.write(content.getbuffer())
                _keep_previous(place)
        except OSError as error:
            raise DataError(f"{place}: expected to write a checkpoint, got {error.strerror}") from error
        self._written.add(place)

    def load_checkpoint(
        self, path: Path | str, map_location: Callable[..., Any] | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint, or the one before; see :func:`whole_checkpoint`."""
        place = _local(path)
        if self.falls_back and place is not None:
            path = whole_checkpoint(place)
        return super().load_checkpoint(path, map_location or (lambda storage, _: storage), weights_only)

    def remove_checkpoint(self, path: Path | str) -> None:
        """Remove a checkpoint, and the one before."""
        super().remove_checkpoint(path)
        if (place := _local(path)) is not None:
            _previous(place).unlink(missing_ok=True)

    def teardown(self) -> None:
        """Remove what was kept beside other checkpoints."""
        for place in self._written:
            if any(other != place for other in place.parent.glob(f"*{place.suffix}")):
                _previous(place).unlink(missing_ok=True)
        self._written.clear()


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
            rank_zero_info(f"{path} is damaged ({reason}): going on from the one before, {other}")
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
    return None if broken is None else f"{broken} is not what was written"


def holds_training(path: Path | str) -> bool:
    """Return whether a file is of a training that can go on from there: optimizers and loops beside the weights."""
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
    return [_previous(path), *sorted(others, key=lambda other: other.stat().st_mtime_ns, reverse=True)]


def _previous(path: Path) -> Path:
    return path.with_name(path.name + PREVIOUS)


def _keep_previous(path: Path) -> None:
    """Give what is about to be replaced another name beside its own, which it keeps until then."""
    with suppress(OSError):  # there is none yet, or the file system knows no second names
        link = _previous(path).with_suffix(".tmp")
        link.unlink(missing_ok=True)
        os.link(path, link)
        link.replace(_previous(path))
        link.unlink(missing_ok=True)  # of two names of one file, as a kill here leaves them, none is replaced


def _local(path: Path | str) -> Path | None:
    """Return the path of a local file, ``None`` of another."""
    system, place = url_to_fs(str(path))
    return Path(place) if isinstance(system, LocalFileSystem) else None
