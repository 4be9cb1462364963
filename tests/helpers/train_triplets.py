"""Trains with triplets for twenty steps and keeps losses, first gradients and last weights.

python -m tests.helpers.train_triplets FILE PROCESSES LOSS CHUNK_SIZE
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch import nn

from datamodules import FaceDataModule, IdentityBatches, Loading, SplitSettings
from datamodules.seams.face_batch import FaceBatch
from lightning_modules import TripletModule
from lightning_modules.networks import AveragePoolHead, CasiaNetTrunk, FaceNet, Normalize
from losses import BatchTripletLoss, DistanceLoss, TripletLoss
from tests.helpers.doubles import PlainSource, RandomSquare

LOSSES: dict[str, DistanceLoss] = {"triplet": TripletLoss(), "batch_triplet": BatchTripletLoss()}


class Record(Callback):
    """What two runs must agree in."""

    def __init__(self) -> None:
        self.losses: list[torch.Tensor] = []
        self.triplets: list[int] = []
        self.gradients: dict[str, torch.Tensor] = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: FaceBatch, batch_idx: int
    ) -> None:
        self.losses.append(outputs["loss"])
        self.triplets.append(len(outputs["d_ap"]))

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: nn.Module, optimizer: Any) -> None:
        if not self.gradients:
            self.gradients = {name: p.grad.clone() for name, p in pl_module.named_parameters() if p.grad is not None}


def train(path: Path, processes: int, loss: str, chunk_size: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = FaceDataModule(
        PlainSource([8] * 12),
        training_occluder=RandomSquare(),
        image_size=32,
        loading=Loading(num_workers=0),
        split=SplitSettings(min_images=8, num_unseen=2),
        identity_batches=IdentityBatches(4, 3),
    )
    network = FaceNet(CasiaNetTrunk(width=0.0625), AveragePoolHead, image_size=32, in_channels=1)
    for layer in network.modules():  # the usual initialisation maps all faces to about one point
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    module = TripletModule(
        network,
        data.num_classes,
        loss=LOSSES[loss],
        chunk_size=chunk_size or None,
        normalize=Normalize(grey=True),
        optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9),
    )
    record = Record()
    trainer = Trainer(
        max_steps=20,
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        accelerator="cpu",
        precision="64-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        callbacks=record,
    )
    trainer.fit(module, datamodule=data)
    if trainer.is_global_zero:
        kept = {
            "losses": torch.stack(record.losses),
            "triplets": record.triplets,
            "gradients": record.gradients,
            "weights": module.state_dict(),
        }
        torch.save(kept, path)


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
