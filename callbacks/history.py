"""What a training logged, epoch by epoch, with the time it took."""

import json
import math
import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from callbacks.run_files import run_folder
from datamodules.whole_file import write_whole


class History(Callback):
    """Keeps every epoch's logged values and writes them to ``history.json`` in the run's folder.

    An entry has ``epoch``, from 1, ``seconds`` of training until the end of that epoch, validation included, and all
    values that are logged as numbers. The history is part of the checkpoint: that of a training that was stopped and
    resumed is that of one that was not, but for the time.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self._began = math.nan
        self._folder: Path | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Learn the run's folder: all processes must ask for it together."""
        self._folder = run_folder(trainer, ".")

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs until now."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the epochs of a checkpoint."""
        self.epochs = state_dict["epochs"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on counting where the checkpoint was saved."""
        self._began = time.perf_counter() - (self.epochs[-1]["seconds"] if self.epochs else 0.0)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch; checkpoints are saved after this."""
        logged = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        entry = {"epoch": trainer.current_epoch + 1, "seconds": round(time.perf_counter() - self._began, 3)}
        self.epochs = [*self.epochs, entry | {name: v for name, v in logged.items() if math.isfinite(v)}]

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        if self._folder is not None and trainer.is_global_zero:
            write_whole(self._folder / "history.json", json.dumps(self.epochs, indent=1) + "\n")
