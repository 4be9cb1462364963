"""How checkpoints are written: each whole or as it was, and the one before kept as long as it may be needed."""

import os
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from lightning_fabric.plugins import TorchCheckpointIO

from datamodules.errors import DataError
from datamodules.whole_file import whole_file
from experiments.runs.checkpoint_files import previous, whole_checkpoint


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints, so that neither a kill nor a full disk damages one.

    Each is written beside its place and put there when the disk has it; Lightning itself writes to the folder for
    temporary files and copies from there, if that is on another disk. The one that was there before is kept until the
    training ends, and after that where no other stands beside it. Other file systems than the local are left to
    Lightning.

    Args:
        falls_back: Whether what is to be loaded may be the one before, where it is damaged: to resume from there leads
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
        """Read a checkpoint, or the one before; see :func:`~experiments.runs.checkpoint_files.whole_checkpoint`."""
        place = _local(path)
        if self.falls_back and place is not None:
            path = whole_checkpoint(place)
        return super().load_checkpoint(path, map_location or (lambda storage, _: storage), weights_only)

    def remove_checkpoint(self, path: Path | str) -> None:
        """Remove a checkpoint, and the one before."""
        super().remove_checkpoint(path)
        if (place := _local(path)) is not None:
            previous(place).unlink(missing_ok=True)

    def teardown(self) -> None:
        """Remove what was kept beside other checkpoints."""
        for place in self._written:
            if any(other != place for other in place.parent.glob(f"*{place.suffix}")):
                previous(place).unlink(missing_ok=True)
        self._written.clear()


def _keep_previous(path: Path) -> None:
    """Give what is about to be replaced another name beside its own, which it keeps until then."""
    with suppress(OSError):  # there is none yet, or the file system knows no second names
        link = previous(path).with_suffix(".tmp")
        link.unlink(missing_ok=True)
        os.link(path, link)
        link.replace(previous(path))
        link.unlink(missing_ok=True)  # of two names of one file, as a kill here leaves them, none is replaced


def _local(path: Path | str) -> Path | None:
    """Return the path of a local file, ``None`` of another."""
    system, place = url_to_fs(str(path))
    return Path(place) if isinstance(system, LocalFileSystem) else None
