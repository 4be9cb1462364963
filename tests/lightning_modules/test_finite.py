"""A network that gives NaN stops: an evaluation names the face, a training the batch, and nothing broken is saved."""

from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn

from datamodules import FaceDataModule, Loading, SplitSettings
from datamodules.errors import DataError
from datamodules.occluders import OccluderMixture
from datamodules.seams.face_batch import FaceBatch
from lightning_modules import ClassifierModule, SegmentationModule, SOIDNModule, TripletModule
from lightning_modules.base import FaceModule
from lightning_modules.finite import FiniteFaces, FiniteLosses
from lightning_modules.networks import SOIDN, FaceNet, FCN8s, is_best
from tests.helpers.doubles import PlainSource, RandomSquare

MODULES = ["classifier", "soidn", "segmentation", "triplet"]


def make(kind: str, face_net: FaceNet, soidn: SOIDN) -> FaceModule:
    """Return a module whose network is healthy."""
    if kind == "segmentation":
        return SegmentationModule(FCN8s(0.125, fully_connected_dim=16, dropout=0.0))
    if kind == "soidn":
        return SOIDNModule(deepcopy(soidn), 5)
    return (ClassifierModule if kind == "classifier" else TripletModule)(deepcopy(face_net), 5)


def broken(module: FaceModule) -> FaceModule:
    """Put one NaN into a module's last weight."""
    *_, last = module.network.parameters()
    last.data.view(-1)[0] = torch.nan
    return module


def faces(batch_size: int = 8) -> FaceDataModule:
    return FaceDataModule(
        PlainSource([5] * 8),
        training_occluder=RandomSquare(),
        evaluation_occluders=OccluderMixture({"square": RandomSquare()}, {"square": 1.0}),
        image_size=32,
        loading=Loading(batch_size=batch_size, num_workers=0),
        split=SplitSettings(min_images=5, num_unseen=3),
    )


def trainer(folder: Path, **settings: Any) -> Trainer:
    torch.set_num_threads(1)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return Trainer(default_root_dir=folder, **{"enable_checkpointing": False, **quiet, **settings})


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
@pytest.mark.parametrize("kind", MODULES)
def test_an_evaluation_of_nan_names_the_face(
    kind: str, stage: str, face_net: FaceNet, soidn: SOIDN, tmp_path: Path
) -> None:
    module = broken(make(kind, face_net, soidn))
    evaluate = getattr(trainer(tmp_path), stage)
    with pytest.raises(DataError, match=r"^image-\d+.*: expected finite results of the network, got NaN or infinity"):
        evaluate(module, datamodule=faces())


def test_a_broken_network_is_found_before_training(face_net: FaceNet, soidn: SOIDN, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected finite results"):
        trainer(tmp_path, max_epochs=1).fit(broken(make("classifier", face_net, soidn)), datamodule=faces())


class BreaksAt(nn.Module):
    """Cross-entropy that is NaN from a batch on, in training."""

    def __init__(self, batch: int, value: float = torch.nan) -> None:
        super().__init__()
        self.left, self.value = batch, value

    def forward(self, scores: Tensor, identities: Tensor) -> Tensor:
        if scores.requires_grad:
            self.left -= 1
        loss = nn.functional.cross_entropy(scores, identities)
        return loss * self.value if scores.requires_grad and self.left < 0 else loss


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_training_that_diverges_stops_and_keeps_its_last_good_weights(
    value: float, validated: bool, face_net: FaceNet, tmp_path: Path
) -> None:
    module = ClassifierModule(face_net, 5, loss=BreaksAt(3, value))  # two batches an epoch: the second epoch's second
    saved = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1, save_last=True)
    settings = {"callbacks": saved, "max_epochs": 9, "enable_checkpointing": True}
    if not validated:
        settings |= {"limit_val_batches": 0}
    with pytest.raises(DataError, match=r"^Epoch 1, batch 1: expected a finite loss, got NaN or infinity: lower the"):
        trainer(tmp_path, **settings).fit(module, datamodule=faces())
    assert sorted(path.name for path in tmp_path.glob("*.ckpt")) == ["epoch=0.ckpt", "last.ckpt"]
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert all(weights.isfinite().all() for weights in kept["state_dict"].values())


def test_a_long_epoch_is_not_trained_to_its_end(
    face_net: FaceNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightning_modules.finite_module.LOSSES_KEPT", 2)
    loss = BreaksAt(0)
    data = faces(batch_size=2)
    with pytest.raises(DataError, match=r"^Epoch 0, batch 0: expected a finite loss"):
        trainer(tmp_path, max_epochs=1, limit_val_batches=0).fit(
            ClassifierModule(face_net, 5, loss=loss), datamodule=data
        )
    assert loss.left == -2


def test_weights_that_are_not_finite_are_never_saved_over_others(face_net: FaceNet, tmp_path: Path) -> None:
    rate = partial(torch.optim.SGD, lr=1e38)  # the loss is finite, and the weights that the step leaves are not
    saved = ModelCheckpoint(tmp_path, every_n_train_steps=1)
    settings = {"callbacks": saved, "max_epochs": 1, "limit_val_batches": 0, "enable_checkpointing": True}
    module = ClassifierModule(face_net, 5, optimizer=partial(rate, weight_decay=1e38))
    with pytest.raises(
        DataError, match=r"^Epoch 0, step 1: expected finite weights to save, got NaN or infinity in netw"
    ):
        trainer(tmp_path, **settings).fit(module, datamodule=faces())
    assert not list(tmp_path.glob("*.ckpt"))


def test_a_validation_loss_that_is_not_finite_is_refused(face_net: FaceNet, tmp_path: Path) -> None:
    class Broken(nn.Module):
        def forward(self, scores: Tensor, identities: Tensor) -> Tensor:
            return scores.sum() * torch.nan

    with pytest.raises(DataError, match=r"^Validation batch 0: expected a finite loss, got NaN or infinity"):
        trainer(tmp_path).validate(ClassifierModule(face_net, 5, loss=Broken()), datamodule=faces())


def test_a_step_outside_of_an_evaluation_is_forgotten(face_net: FaceNet, batch: FaceBatch, tmp_path: Path) -> None:
    module = ClassifierModule(face_net.eval(), 5)
    module.test_step({**batch, "image": batch["image"].float() * torch.nan}, 0)
    trainer(tmp_path).predict(module, datamodule=faces(), return_predictions=False)


@pytest.mark.parametrize("kind", ["classifier", "soidn"])
def test_equal_scores_are_no_accuracy(kind: str, face_net: FaceNet, soidn: SOIDN, batch: FaceBatch) -> None:
    made: Any = make(kind, face_net, soidn)
    logged: dict[str, Tensor] = {}
    made.log_losses = lambda split, size, **values: logged.update(values)
    for weights in made.classifier.parameters():
        weights.data.zero_()
    made.eval().validation_step({**batch, "identity": torch.zeros(4, dtype=torch.int64)}, 0)
    assert logged["accuracy"] == 0


def test_the_best_is_that_of_argmax_where_nothing_ties() -> None:
    scores = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    identities = torch.arange(50) % 7
    assert torch.equal(is_best(scores, identities), scores.argmax(1) == identities)
    assert not is_best(torch.full((2, 3), torch.nan), torch.zeros(2, dtype=torch.int64)).any()


def test_a_face_is_called_by_its_index_where_nobody_knows_its_name(batch: FaceBatch) -> None:
    results = torch.zeros(4, 2)
    results[2, 1] = torch.inf
    watch = FiniteFaces()
    watch.add(batch, torch.zeros(4, 1), results)
    with pytest.raises(DataError, match=r"^image 2 under cup: expected finite results .* \(1 images\)"):
        watch.check()
    watch.check()  # it has forgotten


def test_losses_are_looked_at_once() -> None:
    watch = FiniteLosses()
    for number, loss in enumerate([1.0, torch.nan, torch.inf]):
        watch.add(5 + number, torch.tensor(loss))
    assert watch.first_bad() == 6
    assert watch.first_bad() is None
