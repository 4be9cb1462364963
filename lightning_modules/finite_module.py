"""A module that stops where its losses, its weights or what it makes of faces are not finite."""

from typing import Any

from pytorch_lightning import LightningModule
from torch import Tensor

from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch
from lightning_modules.finite import REMEDY, FiniteFaces, FiniteLosses, first_not_finite

LOSSES_KEPT = 50
"""Batches between looks at the training's losses: each waits for the device."""


class FiniteModule(LightningModule):
    """Base of modules that stop rather than train on, save or measure what is no number.

    A training whose loss is not finite is stopped, at the latest after 50 more batches, before the next validation and
    before weights that are not finite would be saved. An evaluation of results that are not finite is stopped at its
    end, and the first such face named. Steps hand over what is looked at: ``results.add(batch, …)`` takes what the
    network makes of faces, ``validation_losses.add(…)`` the losses of a validation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.results = FiniteFaces()
        self.validation_losses = FiniteLosses()
        self._training_losses = FiniteLosses()

    def on_before_backward(self, loss: Tensor) -> None:
        """Keep the loss, to look at it later."""
        self._training_losses.add(self.trainer.fit_loop.batch_idx, loss)

    def on_train_batch_end(self, outputs: Any, batch: FaceBatch, batch_idx: int) -> None:
        """Look at the losses, now and then.

        Raises:
            DataError: If one is not finite.
        """
        if (batch_idx + 1) % LOSSES_KEPT == 0:
            self._check_training()

    def on_train_epoch_end(self) -> None:
        """Look at the losses.

        Raises:
            DataError: If one is not finite.
        """
        self._check_training()

    def on_validation_epoch_start(self) -> None:
        """Look at the training's losses first.

        Raises:
            DataError: If one is not finite.
        """
        self._check_training()
        self.validation_losses.clear()
        self.results.clear()

    def on_validation_epoch_end(self) -> None:
        """Refuse what is not finite.

        Raises:
            DataError: If a face's results or a loss are not finite.
        """
        self.results.check()
        if (number := self.validation_losses.first_bad()) is not None:
            raise DataError(f"Validation batch {number}: expected a finite loss, got NaN or infinity")

    def on_test_epoch_start(self) -> None:
        """Forget results of steps outside of an evaluation."""
        self.results.clear()

    def on_test_epoch_end(self) -> None:
        """Refuse what is not finite.

        Raises:
            DataError: If a face's results are not finite.
        """
        self.results.check()

    on_predict_epoch_start = on_test_epoch_start
    on_predict_epoch_end = on_test_epoch_end

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse weights that are not finite: such a checkpoint would take the place of one that can be used.

        Raises:
            DataError: If one is not.
        """
        # the same in all processes: all of them stop
        if (name := first_not_finite(dict(self.named_parameters()))) is not None:
            raise DataError(
                f"Epoch {self.current_epoch}, step {self.global_step}: expected finite weights to save, got NaN or "
                f"infinity in {name}: {REMEDY}"
            )

    def _check_training(self) -> None:
        if (number := self._training_losses.first_bad()) is not None:
            raise DataError(
                f"Epoch {self.current_epoch}, batch {number}: expected a finite loss, got NaN or infinity: {REMEDY}"
            )
