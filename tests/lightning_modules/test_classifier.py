"""Softmax classification, Eq. 3 and 4."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch.nn.functional import log_softmax

from datamodules.batch import FaceBatch
from lightning_modules import ClassifierModule
from lightning_modules.networks import FaceNet, Normalize


def test_loss_is_softmax_cross_entropy_of_the_embeddings(face_net: FaceNet, batch: FaceBatch) -> None:
    module = ClassifierModule(face_net, 3).eval()
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # there is no trainer
    scores = log_softmax(module.classifier(module(batch["image"])), 1)
    expected = -torch.stack([row[label] for row, label in zip(scores, batch["identity"], strict=True)]).mean()
    torch.testing.assert_close(module.training_step(batch, 0), expected)


def test_takes_raw_pixels(face_net: FaceNet, batch: FaceBatch) -> None:
    module = ClassifierModule(face_net, 3, normalize=Normalize([100.0, 90.0, 80.0], [2.0, 4.0, 8.0])).eval()
    image = batch["image"].float() - torch.tensor([100.0, 90.0, 80.0])[:, None, None]
    expected = face_net(image / torch.tensor([2.0, 4.0, 8.0])[:, None, None])
    torch.testing.assert_close(module(batch["image"]), expected)
    torch.testing.assert_close(module.test_step(batch, 0)["embedding"], expected)


def test_logits_network_gives_the_classifiers_scores(face_net: FaceNet, batch: FaceBatch) -> None:
    module = ClassifierModule(face_net, 3, dropout=0.5).eval()
    logits = module.logits_network()
    torch.testing.assert_close(logits(module.pixels(batch["image"])), module.classifier(module(batch["image"])))
    assert {id(p) for p in logits.parameters()} == {id(p) for p in module.parameters()}


@pytest.fixture
def checkpoint(face_net: FaceNet, tmp_path: Path) -> Path:
    """A classifier of three identities."""
    torch.save({"state_dict": ClassifierModule(face_net, 3).state_dict()}, tmp_path / "a.ckpt")
    return tmp_path / "a.ckpt"


def another(face_net: FaceNet) -> FaceNet:
    network = deepcopy(face_net)
    for weight in network.parameters():
        weight.data.zero_()
    return network


def test_a_continued_classifier_gives_the_checkpoints_scores(
    face_net: FaceNet, batch: FaceBatch, checkpoint: Path
) -> None:
    module = ClassifierModule(another(face_net), 3, initial_weights=str(checkpoint), continue_classifier=True).eval()
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    x = module.pixels(batch["image"])
    expected = face_net.eval()(x) @ saved["classifier.1.weight"].T + saved["classifier.1.bias"]
    torch.testing.assert_close(module.logits_network()(x), expected)
    assert module.origin.endswith("head (6 tensors), classifier (2 tensors)")


def test_without_continuing_the_classifier_starts_anew(face_net: FaceNet, checkpoint: Path) -> None:
    module = ClassifierModule(another(face_net), 3, initial_weights=str(checkpoint))
    saved = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert not torch.equal(module.state_dict()["classifier.1.weight"], saved["classifier.1.weight"])
    assert "classifier" not in module.origin


def test_refuses_a_classifier_of_other_identities_and_changes_nothing(face_net: FaceNet, checkpoint: Path) -> None:
    network = another(face_net)
    with pytest.raises(
        ValueError, match=r"`classifier\.1\.weight` of the network: \(4, 8\), got in the file: \(3, 8\)"
    ):
        ClassifierModule(network, 4, initial_weights=str(checkpoint), continue_classifier=True)
    assert all(not weight.any() for weight in network.parameters())


def test_refuses_a_checkpoint_without_a_classifier(face_net: FaceNet, tmp_path: Path) -> None:
    torch.save({f"network.{name}": t for name, t in face_net.state_dict().items()}, tmp_path / "b.ckpt")
    with pytest.raises(ValueError, match=r"`classifier\.1\.weight` .*got in the file: no such weight"):
        ClassifierModule(face_net, 3, initial_weights=str(tmp_path / "b.ckpt"), continue_classifier=True)


@pytest.mark.parametrize("weights", [None, "imagenet"])
def test_refuses_to_continue_a_classifier_from_no_checkpoint(face_net: FaceNet, weights: str | None) -> None:
    with pytest.raises(ValueError, match=f"a checkpoint with `continue_classifier`, got {weights}"):
        ClassifierModule(face_net, 3, initial_weights=weights, continue_classifier=True)
