"""Class-parallel training by its settings: what one process does with them, and what is refused."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import GradientAccumulationScheduler
from pytorch_lightning.strategies import DDPStrategy, FSDPStrategy
from torch import nn
from torch.utils.data import DataLoader

from datamodules.seams.face_batch import FaceBatch
from lightning_modules import ClassifierModule, SOIDNModule
from lightning_modules.networks import SOIDN, ArcFaceHead, FaceNet


class OnDDP(DDPStrategy):
    """Does more than DDP, as DeepSpeed's strategy does."""


SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01)


def trained(module: ClassifierModule | SOIDNModule, batch: FaceBatch, **settings: Any) -> dict[str, torch.Tensor]:
    """Return the weights after two epochs of one batch."""
    quiet: dict[str, Any] = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_checkpointing": False,
        "accelerator": "cpu",
    }
    torch.manual_seed(0)
    trainer = Trainer(max_epochs=2, **quiet, **settings)
    loader: DataLoader[FaceBatch] = DataLoader([batch], batch_size=None)  # type: ignore[arg-type]  # a list is enough
    trainer.fit(module, loader)
    return dict(module.state_dict())


pytestmark = pytest.mark.filterwarnings(
    "ignore:The 'train_dataloader' does not have many workers", "ignore:You defined a `validation_step`"
)


def test_one_process_that_shares_with_none_trains_as_without(face_net: FaceNet, batch: FaceBatch) -> None:
    start = {name: tensor.clone() for name, tensor in face_net.state_dict().items()}
    weights, given = [], list[dict[str, Any]]([{}, {"class_parallel": True}])
    for settings in given:
        face_net.load_state_dict(start)
        torch.manual_seed(1)
        weights.append(trained(ClassifierModule(face_net, 4, optimizer=SGD, **settings), batch))
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=0)


@pytest.mark.parametrize("head", [None, partial(ArcFaceHead, scale=8.0)], ids=["linear", "arcface"])
def test_classes_that_no_step_looks_at_stay_as_they_are(head: Any, soidn: SOIDN, batch: FaceBatch) -> None:
    module = SOIDNModule(soidn, 400, margin_head=head, optimizer=SGD, class_parallel=True, sampling_rate=0.02)
    (name, dim) = ("1.weight", 0) if head is None else ("1.margin_loss.W", 1)
    before = module.classifier.state_dict()[name].clone()
    after = trained(module, batch, gradient_clip_val=1.0)[f"classifier.{name}"]
    moved = (after != before).any(1 - dim)
    assert moved[batch["identity"]].all()
    assert 8 < int(moved.sum()) <= 16  # two steps of 8 of 400, decay of weights included


def test_a_sample_is_another_in_each_step_and_the_same_in_each_run(face_net: FaceNet, batch: FaceBatch) -> None:
    start = {name: tensor.clone() for name, tensor in face_net.state_dict().items()}
    runs = []
    for _ in range(2):
        face_net.load_state_dict(start)
        torch.manual_seed(1)
        module = ClassifierModule(face_net, 400, optimizer=SGD, class_parallel=True, sampling_rate=0.02)
        runs.append(trained(module, batch))
    torch.testing.assert_close(runs[1], runs[0], rtol=0, atol=0)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.5, float("nan")])
def test_a_rate_out_of_range_is_refused(rate: float, face_net: FaceNet) -> None:
    with pytest.raises(ValueError, match="Expected `sampling_rate` above 0 and at most 1, got"):
        ClassifierModule(face_net, 4, class_parallel=True, sampling_rate=rate)


def test_a_rate_without_class_parallel_is_refused(face_net: FaceNet) -> None:
    with pytest.raises(ValueError, match=r"Expected `class_parallel` with a `sampling_rate` below 1, got 0.5 without"):
        ClassifierModule(face_net, 4, sampling_rate=0.5)


def test_a_loss_of_all_scores_is_refused(face_net: FaceNet, soidn: SOIDN) -> None:
    loss, expected = nn.MultiMarginLoss(), "Expected softmax cross-entropy, .* got MultiMarginLoss"
    with pytest.raises(ValueError, match=expected):
        ClassifierModule(face_net, 4, loss=loss, class_parallel=True)
    with pytest.raises(ValueError, match=expected):
        SOIDNModule(soidn, 4, classification_loss=loss, class_parallel=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"world_size": 5}, "Expected classes for each of 5 processes with `class_parallel`, got 4 classes"),
        (
            {"accumulate_grad_batches": 2},
            "Expected `trainer.accumulate_grad_batches` of 1 with a `sampling_rate` below",
        ),
        ({"strategy": FSDPStrategy()}, "Expected `trainer.strategy` ddp with `class_parallel`, got FSDPStrategy"),
        ({"strategy": OnDDP()}, "Expected `trainer.strategy` ddp with `class_parallel`, got OnDDP"),
        (
            {"callbacks": [GradientAccumulationScheduler({3: 4})]},
            "Expected `trainer.accumulate_grad_batches` of 1 with a `sampling_rate` below 1, got 4: each batch has",
        ),
        ({"precision": "16-mixed"}, "Expected `trainer.precision` bf16-mixed or 32-true .* got 16-mixed"),
    ],
)
def test_trainers_that_cannot_share_out_classes_are_refused(
    changes: dict[str, Any], message: str, face_net: FaceNet
) -> None:
    plain = {"world_size": 2, "accumulate_grad_batches": 1, "strategy": DDPStrategy(), "precision": "32-true"}
    plain |= {"callbacks": []}
    module = ClassifierModule(face_net, 4, class_parallel=True, sampling_rate=0.5)
    module.check_processes(SimpleNamespace(**plain))  # type: ignore[arg-type]  # a trainer's stand-in
    with pytest.raises(MisconfigurationException, match=message):
        module.check_processes(SimpleNamespace(**{**plain, **changes}))  # type: ignore[arg-type]  # the same


def test_gradients_may_be_accumulated_on_all_classes_alone(face_net: FaceNet, batch: FaceBatch) -> None:
    with pytest.raises(MisconfigurationException, match="each batch has other classes"):
        trained(ClassifierModule(face_net, 4, class_parallel=True, sampling_rate=0.5), batch, accumulate_grad_batches=2)
