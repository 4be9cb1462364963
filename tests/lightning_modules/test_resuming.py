"""A training goes on from wherever it was saved as if nothing had happened: same draws, same steps, same weights."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from datamodules import FaceDataModule, IdentityBatches, Loading, SplitSettings
from datamodules.errors import DataError
from lightning_modules import ClassifierModule
from lightning_modules.networks import AveragePoolHead, CasiaNetTrunk, FaceNet, Normalize
from lightning_modules.warmup_cosine import WarmupCosine
from tests.helpers.doubles import PlainSource, RandomSquare

SIZE = 16


class Recorder(Callback):
    """Notes what every batch is trained on and what comes after it, and saves where it is told to."""

    def __init__(self, folder: Path, *places: str) -> None:
        self.folder = folder
        self.places = places
        self.seen: list[tuple[Any, ...]] = []
        self.at: dict[str, int] = {}

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        self._at(trainer, f"start of epoch {trainer.current_epoch}")

    def on_train_batch_start(self, trainer: Trainer, module: Any, batch: Any, batch_idx: int) -> None:
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        pixels = int(batch["image"].long().sum())
        steps = (trainer.global_step, trainer.fit_loop.epoch_loop._batches_that_stepped)
        self.seen.append((trainer.current_epoch, batch_idx, *steps, rate, batch["index"].tolist(), pixels))

    def on_train_batch_end(self, trainer: Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._at(trainer, f"batch {batch_idx} of epoch {trainer.current_epoch}")

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        self.seen.append((trainer.current_epoch, "validated", trainer.global_step))
        self._at(trainer, f"validation in epoch {trainer.current_epoch}")

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        self.seen.append((trainer.current_epoch, "ended", trainer.global_step))
        self._at(trainer, f"end of epoch {trainer.current_epoch}")

    def _at(self, trainer: Trainer, place: str) -> None:
        if place in self.places and not (self.folder / place).exists():  # the first validation of an epoch
            self.at[place] = len(self.seen)
            trainer.save_checkpoint(self.folder / place)


def data(*, workers: int = 0, identity_batches: bool = False, batch_size: int = 5) -> FaceDataModule:
    return FaceDataModule(
        PlainSource([6] * 7, size=(SIZE, SIZE)),
        training_occluder=RandomSquare(),
        image_size=SIZE,
        loading=Loading(batch_size=batch_size, num_workers=workers),
        identity_batches=IdentityBatches(2, 3) if identity_batches else None,
        split=SplitSettings(min_images=6, num_unseen=2, validation_share=0.2),
    )


def fit(
    recorder: Recorder,
    faces: FaceDataModule,
    checkpoint: Path | None = None,
    *,
    rate: float | None = None,
    **asked: Any,
) -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=SIZE, in_channels=1)
    module = ClassifierModule(
        network,
        5,
        dropout=0.5,
        normalize=Normalize(grey=True),
        optimizer=partial(torch.optim.Adam, lr=0.01),
        lr_schedule=None if rate else WarmupCosine,
    )
    trainer = Trainer(
        callbacks=[recorder],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **asked,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers")
        trainer.fit(module, datamodule=faces, ckpt_path=checkpoint)
    return module.state_dict()


EPOCHS: dict[str, Any] = {"max_epochs": 2}
STEPS: dict[str, Any] = {"max_steps": 8}  # an epoch has five
EDGES = ("end of epoch 0", "batch 4 of epoch 0")


@pytest.mark.parametrize(
    ("asked", "given", "places"),
    [
        (EPOCHS, {}, (*EDGES, "batch 0 of epoch 0", "batch 2 of epoch 1", "start of epoch 1", "validation in epoch 0")),
        (EPOCHS, {"identity_batches": True}, ("batch 1 of epoch 0", "batch 0 of epoch 1")),
        (EPOCHS, {"workers": 1}, ("end of epoch 0", "batch 2 of epoch 1")),
        ({**EPOCHS, "rate": 0.01}, {"workers": 1}, ("batch 2 of epoch 1",)),  # the loader is then made later
        (STEPS, {}, (*EDGES, "batch 1 of epoch 1")),
        (
            {**EPOCHS, "val_check_interval": 0.5},
            {},
            ("validation in epoch 1", "batch 1 of epoch 0", "end of epoch 0", "batch 3 of epoch 1"),
        ),
        (
            {**EPOCHS, "accumulate_grad_batches": 2},
            {},
            ("batch 0 of epoch 0", "batch 1 of epoch 0", "batch 2 of epoch 1"),
        ),
        ({**EPOCHS, "limit_train_batches": 3}, {}, ("batch 1 of epoch 0", "batch 2 of epoch 0")),
        ({**EPOCHS, "check_val_every_n_epoch": 2}, {}, ("batch 4 of epoch 0", "batch 4 of epoch 1")),
        ({**EPOCHS, "limit_val_batches": 0}, {}, ("batch 4 of epoch 0", "batch 4 of epoch 1")),
    ],
)
def test_a_resumed_training_is_the_undisturbed_one(
    asked: dict[str, Any], given: dict[str, Any], places: tuple[str, ...], tmp_path: Path
) -> None:
    whole = Recorder(tmp_path, *places)
    weights = fit(whole, data(**given), **asked)
    for place in places:
        resumed = Recorder(tmp_path)
        same = fit(resumed, data(**given), tmp_path / place, **asked)
        assert resumed.seen == whole.seen[whole.at[place] :], place
        for name, weight in weights.items():
            assert torch.equal(weight, same[name]), (place, name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch_size": 4}, "Expected a batch of all processes of 5, as in the epoch .* got 4"),
        ({"identity_batches": True}, "Expected a batch of all processes of 5, .* got 6"),
    ],
)
def test_other_batches_are_refused_inside_an_epoch_and_not_at_its_end(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    inside, end = "batch 1 of epoch 0", "end of epoch 0"
    fit(Recorder(tmp_path, inside, end), data(), **EPOCHS)
    with pytest.raises(DataError, match=message):
        fit(Recorder(tmp_path), data(**given), tmp_path / inside, **EPOCHS)
    resumed = Recorder(tmp_path)
    fit(resumed, data(**given), tmp_path / end, **EPOCHS)
    assert {epoch for epoch, *_ in resumed.seen} == {1}


@pytest.mark.filterwarnings("ignore:You requested to overfit")
def test_resuming_inside_an_epoch_of_another_order_of_images_is_refused(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"max_epochs": 2, "overfit_batches": 3}
    fit(Recorder(tmp_path, "batch 1 of epoch 0", "end of epoch 0"), data(), **asked)
    with pytest.raises(DataError, match=r"with `trainer\.overfit_batches`, resume from the end of an epoch"):
        fit(Recorder(tmp_path), data(), tmp_path / "batch 1 of epoch 0", **asked)
    fit(Recorder(tmp_path), data(), tmp_path / "end of epoch 0", **asked)
