"""A training that is asked to stop saves first, between batches, where it can be resumed."""

import signal
from pathlib import Path
from types import FrameType
from typing import Any

from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_info

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
