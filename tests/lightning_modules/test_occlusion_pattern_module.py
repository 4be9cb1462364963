"""Occlusion patterns beside identities: the loss, who learns from it, and that nothing of it is left in the network."""

from copy import deepcopy
from typing import Any

import pytest
import torch

from datamodules.seams.face_batch import FaceBatch
from lightning_modules import ClassifierModule, OcclusionPatternModule
from lightning_modules.networks import FaceNet
from losses import occlusion_pattern_loss

logged: dict[str, Any] = {}


def module_of(network: FaceNet, **settings: Any) -> OcclusionPatternModule:
    module = OcclusionPatternModule(network, 3, **settings)
    logged.clear()
    module.log_losses = lambda split, size, **values: logged.update({split: values})  # type: ignore[method-assign]  # no trainer
    return module


@pytest.mark.parametrize("split", ["train", "val"])
def test_loss_is_the_classifications_and_the_weighted_patterns(split: str, face_net: FaceNet, batch: FaceBatch) -> None:
    module = module_of(face_net, pattern_weight=0.5, grid=2).eval()
    {"train": module.training_step, "val": module.validation_step}[split](batch, 0)
    features = face_net.trunk(module.pixels(batch["image"]))
    scores = features.flatten(2).mean(2) @ module.pattern_classifier.weight.T + module.pattern_classifier.bias
    pattern = occlusion_pattern_loss(scores, batch["mask"], 2)
    _, classification = module.classifier.scores_and_loss(module(batch["image"]), batch["identity"], module.loss)
    found = logged[split]
    assert set(found) == set(module.logged[split])
    torch.testing.assert_close(found["pattern_loss"], pattern)
    torch.testing.assert_close(found["classification_loss"], classification)
    torch.testing.assert_close(found["loss"], classification + 0.5 * pattern)


def test_trunk_and_pattern_classifier_learn_from_patterns_and_the_head_does_not(
    face_net: FaceNet, batch: FaceBatch
) -> None:
    module = module_of(face_net, grid=2).eval()
    module.training_step(batch, 0)
    logged["train"]["pattern_loss"].backward()
    assert all(weight.grad is not None for weight in (*face_net.trunk.parameters(), module.pattern_classifier.weight))
    assert all(weight.grad is None for weight in (*face_net.head.parameters(), *module.classifier.parameters()))


def test_embeddings_and_weights_of_the_network_are_those_of_a_classifier(face_net: FaceNet, batch: FaceBatch) -> None:
    module, plain = module_of(face_net).eval(), ClassifierModule(deepcopy(face_net), 3).eval()
    torch.testing.assert_close(module(batch["image"]), plain(batch["image"]))
    extra = set(module.state_dict()) - set(plain.state_dict())
    assert extra == {"pattern_classifier.weight", "pattern_classifier.bias"}
    assert module.pattern_classifier.weight.shape == (101, face_net.feature_shape[0])


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_refuses_a_weight(face_net: FaceNet, weight: float) -> None:
    with pytest.raises(ValueError, match=rf"`pattern_weight` \(λ\) of at least 0, got {weight}"):
        module_of(face_net, pattern_weight=weight)


def test_refuses_a_grid(face_net: FaceNet) -> None:
    with pytest.raises(ValueError, match="`grid` of at least 1, got 0"):
        module_of(face_net, grid=0)
