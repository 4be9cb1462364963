"""What every module keeps: its pixels' range, its weights over a checkpoint, and the run over an interruption."""

from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from datamodules import FaceDataModule
from datamodules.batch import FaceBatch
from lightning_modules import ClassifierModule, SOIDNModule, WarmupCosine
from lightning_modules.base import check_same_pixels
from lightning_modules.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    SOIDN,
    VGGFACE_MEAN,
    VGGFACE_STD,
    FaceNet,
    Normalize,
)
from tests.helpers.doubles import PlainSource, RandomSquare


def train(
    module: LightningModule, folder: Path, *, epochs: int, num_workers: int = 0, resume: Path | None = None
) -> Path:
    """Train on twenty faces of five people; return where the checkpoint of each epoch is."""
    torch.set_num_threads(1)
    data = FaceDataModule(
        PlainSource([5] * 8),
        training_occluder=RandomSquare(),
        image_size=32,
        batch_size=8,
        num_workers=num_workers,
        min_images=5,
        num_unseen=3,
    )
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1),
    )
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return folder


def learner(network: FaceNet, **settings: Any) -> ClassifierModule:
    torch.manual_seed(1)
    rates = {"optimizer": partial(torch.optim.Adam, lr=0.01), "lr_schedule": WarmupCosine}
    return ClassifierModule(deepcopy(network), 5, **{**rates, **settings})


def assert_same_weights(one: LightningModule, other: LightningModule) -> None:
    for (name, a), (_, b) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
        assert torch.equal(a, b), name


def test_resumed_run_is_the_uninterrupted_one(face_net: FaceNet, tmp_path: Path) -> None:
    whole, resumed = learner(face_net), learner(face_net)
    train(whole, tmp_path / "whole", epochs=2)
    train(resumed, tmp_path / "resumed", epochs=2, resume=tmp_path / "whole/epoch=0.ckpt")
    assert_same_weights(whole, resumed)


def test_the_number_of_loading_processes_changes_nothing(face_net: FaceNet, tmp_path: Path) -> None:
    alone, helped = learner(face_net), learner(face_net)
    train(alone, tmp_path / "alone", epochs=1)
    train(helped, tmp_path / "helped", epochs=1, num_workers=2)
    assert_same_weights(alone, helped)


@pytest.mark.parametrize("kind", ["classifier", "soidn"])
def test_checkpoint_gives_the_same_embeddings(
    kind: str, face_net: FaceNet, soidn: SOIDN, batch: FaceBatch, tmp_path: Path
) -> None:
    def make(normalize: Normalize | None = None) -> ClassifierModule | SOIDNModule:
        if kind == "classifier":
            return ClassifierModule(deepcopy(face_net), 5, normalize=normalize)
        return SOIDNModule(deepcopy(soidn), 5, normalize=normalize)

    trained = make(Normalize([100.0, 90.0, 80.0], [50.0, 60.0, 70.0]))
    train(trained, tmp_path, epochs=1)
    state = torch.load(tmp_path / "epoch=0.ckpt", weights_only=True)["state_dict"]
    torch.testing.assert_close(state["normalize.mean"].flatten(), torch.tensor([100.0, 90.0, 80.0]))
    restored = make()
    restored.load_state_dict(state)
    assert torch.equal(restored.eval()(batch["image"]), trained.eval()(batch["image"]))


def test_initial_weights_are_loaded_and_named(face_net: FaceNet, batch: FaceBatch, tmp_path: Path) -> None:
    path = tmp_path / "trunk.ckpt"
    torch.save({"state_dict": ClassifierModule(face_net, 3).state_dict()}, path)
    other = deepcopy(face_net)
    for weight in other.parameters():
        weight.data.zero_()
    started = ClassifierModule(other, 5, initial_weights=str(path))
    assert "trunk.ckpt" in started.origin
    assert torch.equal(started.eval()(batch["image"]), ClassifierModule(face_net, 3).eval()(batch["image"]))


def test_refuses_initial_weights_of_other_pixels(face_net: FaceNet, tmp_path: Path) -> None:
    path = tmp_path / "trunk.ckpt"
    torch.save({"state_dict": ClassifierModule(face_net, 3).state_dict()}, path)
    with pytest.raises(ValueError, match=r"that trunk\.ckpt was trained with, \[127.5, .*, got \[1.0, 1.0, 1.0\]"):
        ClassifierModule(face_net, 3, normalize=Normalize([1.0] * 3), initial_weights=str(path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": partial(torch.optim.Adam, lr=-1.0)}, "Invalid learning rate"),
        ({"lr_schedule": partial(WarmupCosine, warmup_share=2.0)}, "`warmup_share` in"),
    ],
)
def test_refuses_rates_before_the_first_step(
    face_net: FaceNet, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(MisconfigurationException, match=message):
        train(learner(face_net, **settings), tmp_path, epochs=1)


@pytest.mark.parametrize(
    ("layer", "mean", "std"),
    [
        pytest.param("conv1_1.weight", VGGFACE_MEAN, VGGFACE_STD, id="vgg-face"),
        pytest.param("features.0.weight", IMAGENET_MEAN, IMAGENET_STD, id="torchvision"),
    ],
)
def test_foreign_weights_want_the_pixels_of_their_model(
    layer: str, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> None:
    state = {layer: torch.zeros(1)}
    check_same_pixels(Normalize(mean, std), state, "file.pth")
    with pytest.raises(ValueError, match=r"`mean` that file\.pth was trained with"):
        check_same_pixels(Normalize(), state, "file.pth")
