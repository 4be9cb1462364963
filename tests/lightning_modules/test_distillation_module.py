"""Distillation: what is added to the classification's loss, who the teacher is, and what is refused."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from datamodules.seams.face_batch import FaceBatch
from lightning_modules import ClassifierModule, DistillationModule
from lightning_modules.clean_teacher import CleanTeacher
from lightning_modules.networks import FaceNet
from losses import embedding_distillation_loss

logged: dict[str, Any] = {}


@pytest.fixture
def trunk(face_net: FaceNet, tmp_path: Path) -> str:
    """A checkpoint of the trunk."""
    path = tmp_path / "trunk.ckpt"
    torch.save({"state_dict": ClassifierModule(face_net, 3).state_dict()}, path)
    return str(path)


@pytest.fixture
def clean(batch: FaceBatch) -> FaceBatch:
    """The batch with clean images, which are others."""
    return batch | {"clean": batch["image"].flip(-2)}


def module_of(network: FaceNet, weights: str | None, **settings: Any) -> DistillationModule:
    module = DistillationModule(deepcopy(network), 3, initial_weights=weights, **settings)
    logged.clear()
    module.log_losses = lambda split, size, **values: logged.update({split: values})  # type: ignore[method-assign]  # no trainer
    module.freeze_unused = lambda: None  # type: ignore[method-assign]
    return module


def fitted(module: DistillationModule, monkeypatch: pytest.MonkeyPatch) -> DistillationModule:
    monkeypatch.setattr(ClassifierModule, "setup", lambda self, stage: None)
    module.setup("fit")
    return module


def test_loss_is_the_classifications_and_the_weighted_distance_to_the_clean_trunk(
    face_net: FaceNet, trunk: str, clean: FaceBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = fitted(module_of(face_net, trunk, distillation_weight=3.0), monkeypatch).eval()
    embeddings = module(clean["image"])
    _, classification = module.classifier.scores_and_loss(embeddings, clean["identity"], module.loss)
    targets = CleanTeacher(face_net).targets(clean["clean"], clean["index"], module.pixels)
    distance = embedding_distillation_loss(embeddings, targets)
    torch.testing.assert_close(module.training_step(clean, 0), classification + 3 * distance)
    assert set(logged["train"]) == set(module.logged["train"])
    torch.testing.assert_close(logged["train"]["distillation_loss"], distance)
    torch.testing.assert_close(logged["train"]["classification_loss"], classification)


def test_the_teacher_is_the_trunk_that_was_started_from_also_where_a_training_is_resumed(
    face_net: FaceNet, trunk: str, clean: FaceBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fitted(module_of(face_net, trunk), monkeypatch)
    for weight in first.network.parameters():
        weight.data.mul_(0.5)
    resumed = fitted(module_of(face_net, trunk), monkeypatch)
    resumed.load_state_dict(first.state_dict())
    a, b = (module.eval().training_step(clean, 0) for module in (first, resumed))
    assert torch.equal(a, b)


def test_the_teacher_is_no_part_of_the_module(face_net: FaceNet, trunk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = fitted(module_of(face_net, trunk), monkeypatch)
    plain = ClassifierModule(deepcopy(face_net), 3)
    assert list(module.state_dict()) == list(plain.state_dict())
    assert len(list(module.parameters())) == len(list(plain.parameters()))


def test_validation_is_that_of_a_classifier_and_needs_no_clean_images(
    face_net: FaceNet, trunk: str, batch: FaceBatch
) -> None:
    module_of(face_net, trunk).eval().validation_step(batch, 0)
    assert set(logged["val"]) == {"loss", "accuracy"} == set(DistillationModule.logged["val"])


def test_a_weight_of_zero_trains_as_a_classifier(
    face_net: FaceNet, trunk: str, clean: FaceBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = fitted(module_of(face_net, trunk, distillation_weight=0.0), monkeypatch).eval()
    loss = module.training_step(clean, 0)
    assert loss == logged["train"]["classification_loss"]


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_refuses_a_weight(face_net: FaceNet, weight: float) -> None:
    with pytest.raises(ValueError, match=rf"`distillation_weight` \(γ\) of at least 0, got {weight}"):
        module_of(face_net, None, distillation_weight=weight)


def test_refuses_to_fit_without_a_trunk(face_net: FaceNet, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MisconfigurationException, match=r"`initial_weights` of a trunk .* is the teacher, got None"):
        fitted(module_of(face_net, None), monkeypatch)


def test_refuses_a_teacher_without_a_head(
    face_net: FaceNet, trunk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(trunk, weights_only=True)["state_dict"]
    kept = {name: tensor for name, tensor in state.items() if not name.startswith("network.head.")}
    torch.save({"state_dict": kept}, tmp_path / "headless.ckpt")
    with pytest.raises(MisconfigurationException, match=r"teacher: Expected `network\.head\.\S+` .*no such weight"):
        fitted(module_of(face_net, str(tmp_path / "headless.ckpt")), monkeypatch)


def test_refuses_batches_without_clean_images(
    face_net: FaceNet, trunk: str, batch: FaceBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = fitted(module_of(face_net, trunk), monkeypatch)
    with pytest.raises(MisconfigurationException, match=r"loading\.clean_views: true` .* got batches without clean"):
        module.training_step(batch, 0)
