"""What a training logged, epoch by epoch, with the time it took."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from callbacks.run_files import run_folder, write_json
from callbacks.running_means import Running, go_on, running_means
from datamodules.seams.face_batch import FaceBatch


class History(Callback):
    """Keeps every epoch's logged values and writes them to ``history.json`` in the run's folder, whole or not at all.

    An entry has ``epoch``, from 1 (a validation without training has 0), ``seconds`` of training until the end of that
    epoch, validation included, and the numbers that were logged in that epoch, no others: what is logged every second
    epoch is in every second entry. The history is part of the checkpoint: that of a training that was stopped and
    resumed, in mid-epoch too, is that of one that was not, but for the time. Of several processes, the first's share of
    an epoch that was cut off is remembered.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self._before: Mapping[str, Tensor] = {}
        self._seen: dict[str, float] = {}
        self._running: dict[str, Running] = {}
        self._is_ended = False
        self._seconds = 0.0
        self._began = math.nan
        self._folder: Path | None = None
        self._trainer: Trainer | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Learn the run's folder: all processes must ask for it together."""
        self._folder = run_folder(trainer, ".")
        self._trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs until now, and what the one in progress has logged."""
        self._add_late_values()
        trainer = self._trainer
        in_progress = trainer is not None and trainer.state.fn == TrainerFn.FITTING and not self._is_ended
        return {
            "epochs": self.epochs,
            "seconds": self._elapsed(),
            "seen": self._logged() if in_progress else {},
            "running": {**self._running, **running_means(trainer)} if in_progress and trainer is not None else {},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the epochs of a checkpoint."""
        self.epochs = state_dict["epochs"]
        self._seconds = state_dict.get("seconds", self.epochs[-1]["seconds"] if self.epochs else 0.0)
        self._seen = dict(state_dict.get("seen", {}))
        self._running = dict(state_dict.get("running", {}))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Resume counting where the checkpoint was saved."""
        self._began = time.perf_counter() - self._seconds

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember what earlier epochs have logged: the trainer keeps it until it is logged again."""
        self._add_late_values()
        self._is_ended = False
        self._before = dict(trainer.callback_metrics)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: FaceBatch, batch_idx: int
    ) -> None:
        """Resume the means of an epoch that was cut off."""
        if self._running:
            self._running = go_on(trainer, self._running)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch; checkpoints are saved after this."""
        left = go_on(trainer, self._running)  # logged before it was cut off and not again
        self._seen |= {one["name"]: float(one["value"]) / one["weight"] for one in left.values() if one["weight"]}
        entry = {"epoch": trainer.current_epoch + 1, "seconds": self._elapsed()}
        self.epochs = [*self.epochs, entry | self._logged()]
        self._seen, self._running, self._is_ended = {}, {}, True

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        self._add_late_values()
        if self._folder is not None and trainer.is_global_zero:
            write_json(self._folder / "history.json", self.epochs)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what a validation without training has found, as one epoch."""
        if trainer.state.fn == TrainerFn.VALIDATING and self._folder is not None and trainer.is_global_zero:
            write_json(self._folder / "history.json", [{"epoch": 0, "seconds": 0.0} | self._logged()])

    def _elapsed(self) -> float:
        return self._seconds if math.isnan(self._began) else round(time.perf_counter() - self._began, 3)

    def _logged(self) -> dict[str, float]:
        """Return the finite values of the epoch in progress; what an epoch has logged is a tensor of its own."""
        found = self._trainer.callback_metrics if self._trainer is not None else {}
        fresh = {name: float(value) for name, value in found.items() if value is not self._before.get(name)}
        return {name: value for name, value in sorted((self._seen | fresh).items()) if math.isfinite(value)}

    def _add_late_values(self) -> None:
        """Add to an epoch that has ended what callbacks after this one have logged at its end."""
        if self._is_ended:
            self.epochs = [*self.epochs[:-1], self.epochs[-1] | self._logged()]
