"""The history of a training: every epoch once, over an interruption too."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from callbacks import History

BATCHES: DataLoader[Tensor] = DataLoader(torch.arange(4.0)[:, None], num_workers=0)  # type: ignore[arg-type]  # a tensor is enough


class Logs(LightningModule):
    """Logs the epoch, and a value that is no number in the first."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.log("train/epoch", float(self.current_epoch), on_epoch=True, on_step=False)
        return self.layer(batch).sum()  # type: ignore[no-any-return]

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("val/finite_later", float("nan") if self.current_epoch == 0 else 1.0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(folder: Path, epochs: int, **options: Any) -> list[dict[str, float]]:
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=CSVLogger(str(folder), name="run", version=""),
        callbacks=[ModelCheckpoint(folder / "ckpt", filename="last", enable_version_counter=False), History()],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
    )
    trainer.fit(Logs(), BATCHES, BATCHES, **options)
    found: list[dict[str, float]] = json.loads((folder / "run/history.json").read_text())
    return found


def test_every_epoch_s_finite_values_are_kept(tmp_path: Path) -> None:
    history = fit(tmp_path, 2)
    assert [(entry["epoch"], entry["train/epoch"]) for entry in history] == [(1, 0.0), (2, 1.0)]
    assert ["val/finite_later" in entry for entry in history] == [False, True]
    assert 0 < history[0]["seconds"] <= history[1]["seconds"]


@pytest.mark.filterwarnings("ignore:Experiment logs directory", "ignore:Checkpoint directory")
def test_a_resumed_training_has_the_whole_history(tmp_path: Path) -> None:
    first = fit(tmp_path, 2)
    resumed = fit(tmp_path, 4, ckpt_path=tmp_path / "ckpt/last.ckpt")
    assert resumed[:2] == first
    assert [entry["epoch"] for entry in resumed] == [1, 2, 3, 4]
    assert resumed[2]["seconds"] > first[1]["seconds"]
