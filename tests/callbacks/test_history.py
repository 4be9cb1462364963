"""The history of a training: every epoch once, over an interruption too."""

import json
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from callbacks import History

BATCHES: DataLoader[Tensor] = DataLoader(torch.arange(4.0)[:, None], num_workers=0)  # type: ignore[arg-type]  # a tensor is enough


class Logs(LightningModule):
    """Logs the batch, its epoch's number every second epoch, and a value that is no number in the first epoch.

    Args:
        dies: (epoch, batch) at which the training is cut off.
    """

    def __init__(self, dies: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.dies = dies

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        if (self.current_epoch, batch_idx) == self.dies:
            raise KeyError("cut off")
        self.log("train/epoch", float(self.current_epoch), on_epoch=True, on_step=False)
        self.log("train/batch", (batch_idx + 1) / 3, on_epoch=True, on_step=False)
        if batch_idx < 2:
            self.log("train/early", (batch_idx + 1) / 7, on_epoch=True, on_step=False)
        return self.layer(batch).sum()  # type: ignore[no-any-return]

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("val/finite_later", float("nan") if self.current_epoch == 0 else 1.0)
        if self.current_epoch % 2:
            self.log("val/every_second", float(self.current_epoch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Late(Callback):
    """Logs at the end of every second epoch, after the history has added it."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch % 2 == 0:
            pl_module.log("val/late", float(trainer.current_epoch))


def fit(folder: Path, epochs: int, *, dies: tuple[int, int] | None = None, **options: Any) -> list[dict[str, float]]:
    saved = {"filename": "last", "enable_version_counter": False}
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=CSVLogger(str(folder), name="run", version=""),
        callbacks=[
            ModelCheckpoint(folder / "ckpt", **saved),  # type: ignore[arg-type]  # strings and booleans
            ModelCheckpoint(folder / "steps", every_n_train_steps=1, **saved),  # type: ignore[arg-type]  # the same
            ModelCheckpoint(folder / "val", monitor="val/finite_later", save_on_train_epoch_end=False, **saved),  # type: ignore[arg-type]  # the same
            History(),
            Late(),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
    )
    with pytest.raises(KeyError, match="cut off") if dies else nullcontext():
        trainer.fit(Logs(dies), BATCHES, BATCHES, **options)
    path = folder / "run/history.json"
    return json.loads(path.read_text()) if path.exists() else []


def without_times(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in history]


def test_every_epoch_s_finite_values_are_kept(tmp_path: Path) -> None:
    history = fit(tmp_path, 2)
    assert [(entry["epoch"], entry["train/epoch"]) for entry in history] == [(1, 0.0), (2, 1.0)]
    assert ["val/finite_later" in entry for entry in history] == [False, True]
    assert 0 < history[0]["seconds"] <= history[1]["seconds"]


def test_an_epoch_has_what_was_logged_in_it_and_nothing_of_another(tmp_path: Path) -> None:
    history = fit(tmp_path, 4)
    assert [entry.get("val/every_second") for entry in history] == [None, 1.0, None, 3.0]
    assert [entry.get("val/late") for entry in history] == [0.0, None, 2.0, None]


@pytest.mark.filterwarnings("ignore:Experiment logs directory", "ignore:Checkpoint directory")
def test_a_resumed_training_has_the_whole_history(tmp_path: Path) -> None:
    first = fit(tmp_path, 2)
    resumed = fit(tmp_path, 4, ckpt_path=tmp_path / "ckpt/last.ckpt")
    assert resumed[:2] == first
    assert resumed[2]["seconds"] > first[1]["seconds"]
    assert without_times(resumed) == without_times(fit(tmp_path / "whole", 4))


@pytest.mark.filterwarnings(
    "ignore:Experiment logs directory",
    "ignore:Checkpoint directory",
    "ignore:You're resuming from a checkpoint that ended before the epoch ended",  # logged is the number
)
@pytest.mark.parametrize(("saved", "dies"), [("steps", (1, 1)), ("steps", (2, 3)), ("val", (2, 1))])
def test_a_training_that_was_cut_off_in_an_epoch_has_that_epoch_whole(
    saved: str, dies: tuple[int, int], tmp_path: Path
) -> None:
    assert fit(tmp_path, 4, dies=dies) == []
    resumed = fit(tmp_path, 4, ckpt_path=tmp_path / saved / "last.ckpt")
    assert without_times(resumed) == without_times(fit(tmp_path / "whole", 4))
    assert all(before["seconds"] < after["seconds"] for before, after in pairwise(resumed))
