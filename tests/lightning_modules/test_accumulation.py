"""Gradients that are accumulated over micro-batches are those of the batch, where losses are means over images."""

from copy import deepcopy
from functools import partial

import pytest
import torch
from pytorch_lightning import Trainer

from datamodules import FaceDataModule, Loading, SplitSettings
from lightning_modules import ClassifierModule, SOIDNModule
from lightning_modules.base import FaceModule
from lightning_modules.networks import SOIDN, FaceNet, FCN8s, VGG16Head, VGG16Trunk
from tests.helpers.doubles import PlainSource, RandomSquare

RATE = 0.5


def make(kind: str) -> FaceModule:
    """Return a module without batch normalisation or dropout, whose images are not independent otherwise."""
    torch.manual_seed(0)
    head = partial(VGG16Head, embedding_dim=8, dropout=0.0)
    optimizer = partial(torch.optim.SGD, lr=RATE)
    if kind == "classifier":
        return ClassifierModule(FaceNet(VGG16Trunk(0.125), head, image_size=32), 5, optimizer=optimizer)
    segmenter = FCN8s(0.125, fully_connected_dim=16, dropout=0.0)
    return SOIDNModule(SOIDN(VGG16Trunk(0.125), segmenter, head, image_size=32), 5, optimizer=optimizer)


def faces(batch_size: int) -> FaceDataModule:
    return FaceDataModule(
        PlainSource([5] * 8),
        training_occluder=RandomSquare(),
        image_size=32,
        loading=Loading(batch_size=batch_size, num_workers=0),
        split=SplitSettings(min_images=5, num_unseen=3),
    )


def fit(module: FaceModule, batch_size: int, *, batches: int, accumulate: int = 1) -> FaceModule:
    trained = deepcopy(module)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        precision="64-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        limit_train_batches=batches,
        accumulate_grad_batches=accumulate,
    )
    trainer.fit(trained, datamodule=faces(batch_size))
    return trained.cpu()


def step(module: FaceModule, batch_size: int, *, first: int, share: float) -> FaceModule:
    """Take one step of ``share`` times the gradient of one batch, without a trainer."""
    (batch,) = (batch for i, batch in enumerate(faces(batch_size).train_dataloader()) if i == first)
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # there is no trainer
    module.zero_grad()
    torch.autograd.backward(module.double().training_step(batch, 0))  # type: ignore[arg-type]  # a tensor here
    for weight in module.parameters():
        if weight.grad is not None:
            weight.data -= RATE * share * weight.grad
    return module


def assert_same_weights(one: FaceModule, other: FaceModule) -> None:
    torch.testing.assert_close(dict(one.state_dict()), dict(other.state_dict()), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["classifier", "soidn"])
def test_two_halves_train_as_the_whole(kind: str) -> None:
    start = make(kind).double()
    whole, halves = fit(start, 8, batches=2), fit(start, 4, batches=4, accumulate=2)
    assert any(not torch.equal(a, b) for a, b in zip(start.parameters(), whole.parameters(), strict=True))
    assert_same_weights(halves, whole)


def test_an_epochs_last_half_moves_weights_by_half() -> None:
    start = make("classifier").double()
    expected = step(fit(start, 8, batches=1), 4, first=2, share=0.5)
    assert_same_weights(fit(start, 4, batches=3, accumulate=2), expected)
