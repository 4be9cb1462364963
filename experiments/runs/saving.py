"""How a training saves: before it is stopped, and each checkpoint whole or as it was, the one before kept meanwhile."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from lightning_fabric.plugins import TorchCheckpointIO
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_info

from datamodules.errors import DataError
from datamodules.whole_file import whole_file
from experiments.runs.checkpoint_files import previous, whole_checkpoint
from lightning_modules.networks.class_parallel import forget_shards

TERMINATED = 128 + signal.SIGTERM
"""Exit status of a program that SIGTERM has ended, in a shell."""
LAST = "last"


class SavesBeforeStopping(Callback):
    """Saves ``last.ckpt`` at SIGTERM, and lets SLURM's request to be queued again be answered between batches.

    Lightning ends at SIGTERM after the batch in progress, without saving, and answers SLURM's signal at once, be it in
    the middle of an optimizer's step; several processes then wait for each other. What is saved here is the training
    after a whole batch, of all processes after the same. Of several, only SLURM's signal saves.
    """

    def __init__(self) -> None:
        self._asked: int | None = None
        self._requeue: Any = None
        self._saved = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take SLURM's signal in Lightning's place."""
        environment = trainer._accelerator_connector.cluster_environment
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue:
            number = environment.requeue_signal or signal.SIGUSR1
            self._requeue = signal.getsignal(number)
            signal.signal(number, self._note)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Save, if asked to stop."""
        self._answer(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Save, if asked to stop; the validation is then begun again."""
        if not trainer.sanity_checking:
            self._answer(trainer)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._asked = number

    def _answer(self, trainer: Trainer) -> None:
        if self._requeue is not None and trainer.strategy.reduce_boolean_decision(self._asked is not None, all=False):
            self._asked, number = None, self._asked or signal.SIGUSR1
            self._requeue(number, None)
        if trainer.received_sigterm and trainer.world_size == 1 and not self._saved:
            self._saved = True
            if (path := last_of(trainer)) is not None:
                trainer.save_checkpoint(path)
                rank_zero_info(f"Stopped by SIGTERM; --ckpt_path={path} resumes from here")


def last_of(trainer: Trainer) -> Path | None:
    """Return where a training's last checkpoint belongs, ``None`` where it saves none."""
    savers = [one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint) and one.dirpath]
    savers.sort(key=lambda one: one.filename != LAST)
    return Path(str(savers[0].dirpath)) / f"{LAST}{savers[0].FILE_EXTENSION}" if savers else None


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
        forget_shards(place)
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
            forget_shards(place)

    def teardown(self) -> None:
        """Remove what was kept beside other checkpoints."""
        for place in self._written:
            if any(other != place for other in place.parent.glob(f"*{place.suffix}")):
                previous(place).unlink(missing_ok=True)
                forget_shards(place)
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
