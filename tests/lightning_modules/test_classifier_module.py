"""Softmax classification, Eq. 3 and 4, and classification by a margin head."""

from copy import deepcopy
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import log_softmax

from datamodules.seams.face_batch import FaceBatch
from lightning_modules import ClassifierModule
from lightning_modules.networks import ArcFaceHead, CosFaceHead, FaceNet, MarginHead, Normalize


def test_loss_is_softmax_cross_entropy_of_the_embeddings(face_net: FaceNet, batch: FaceBatch) -> None:
    module = ClassifierModule(face_net, 3).eval()
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # there is no trainer
    scores = log_softmax(module.classifier(module(batch["image"])), 1)
    expected = -torch.stack([row[label] for row, label in zip(scores, batch["identity"], strict=True)]).mean()
    torch.testing.assert_close(module.training_step(batch, 0), expected)


def test_the_classifier_draws_and_names_its_weights_as_a_plain_linear_layer(face_net: FaceNet) -> None:
    torch.manual_seed(3)
    expected = nn.Sequential(nn.Dropout(), nn.Linear(8, 3)).state_dict()
    torch.manual_seed(3)
    given = ClassifierModule(face_net, 3, dropout=0.5).classifier.state_dict()
    assert list(given) == list(expected) == ["1.weight", "1.bias"]
    assert all(torch.equal(given[name], tensor) for name, tensor in expected.items())


def margin_classifier(
    network: FaceNet, margin: float = 30.0, dropout: float = 0.0
) -> tuple[ClassifierModule, MarginHead]:
    head_of = partial(ArcFaceHead, margin=margin, scale=16.0)
    module = ClassifierModule(network, 3, dropout=dropout, margin_head=head_of)
    module.log_losses = lambda split, size, **values: logged.update(values)  # type: ignore[method-assign]  # no trainer
    head = module.classifier[1]
    assert isinstance(head, MarginHead)
    return module, head


logged: dict[str, torch.Tensor] = {}


def test_a_margin_heads_loss_is_trained_and_its_scores_are_judged(face_net: FaceNet, batch: FaceBatch) -> None:
    module, head = margin_classifier(face_net.eval(), margin=90.0)
    embeddings = module.eval()(batch["image"])
    torch.testing.assert_close(module.training_step(batch, 0), head.loss(embeddings, batch["identity"]))
    (weight,) = head.parameters()
    weight.data = embeddings[:3].detach().T  # each face of the first three lies on its identity's direction …
    batch["identity"] = torch.tensor([0, 1, 2, 2])
    module.training_step(batch, 0)
    scores = module.classifier(embeddings)
    torch.testing.assert_close(scores.diag(), torch.full((3,), 16.0))
    assert logged["accuracy"] == (3 + (scores[3].argmax() == 2)) / 4  # … and is right, which a margin of 90° would hide


def test_a_margin_head_sees_the_embeddings_that_dropout_has_left(face_net: FaceNet, batch: FaceBatch) -> None:
    module, head = margin_classifier(face_net.eval(), dropout=0.5)
    module.classifier.train()
    torch.manual_seed(0)
    loss = module.training_step(batch, 0)
    torch.manual_seed(0)
    dropped = nn.functional.dropout(module(batch["image"]), 0.5)
    torch.testing.assert_close(loss, head.loss(dropped, batch["identity"]))


def test_a_margin_heads_loss_reaches_network_and_directions(face_net: FaceNet, batch: FaceBatch) -> None:
    module, _ = margin_classifier(face_net)
    module.training_step(batch, 0).backward()  # type: ignore[no-untyped-call]  # torch's
    gradients = [p.grad for p in module.parameters()]
    assert all(g is not None and g.abs().sum() > 0 for g in gradients)


def test_a_margin_heads_logits_are_its_scores(face_net: FaceNet, batch: FaceBatch) -> None:
    module, head = margin_classifier(face_net, dropout=0.5)
    logits = module.eval().logits_network()
    x = module.pixels(batch["image"])
    torch.testing.assert_close(logits(x), head(face_net(x)))
    exported = torch.export.export(logits, (x,)).module()
    torch.testing.assert_close(exported(x), logits(x))


def test_refuses_a_loss_beside_a_margin_head(face_net: FaceNet) -> None:
    with pytest.raises(ValueError, match=r"either a `margin_head`, .* or a loss, got both: CrossEntropyLoss\(\)"):
        ClassifierModule(face_net, 3, margin_head=ArcFaceHead, loss=nn.CrossEntropyLoss())


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


def test_a_continued_margin_head_gives_the_checkpoints_scores_with_another_margin_too(
    face_net: FaceNet, batch: FaceBatch, tmp_path: Path
) -> None:
    first = ClassifierModule(face_net, 3, margin_head=ArcFaceHead).eval()
    torch.save({"state_dict": first.state_dict()}, tmp_path / "m.ckpt")
    start = {"initial_weights": str(tmp_path / "m.ckpt"), "continue_classifier": True}
    second = ClassifierModule(another(face_net), 3, margin_head=CosFaceHead, **start).eval()  # type: ignore[arg-type]  # str, bool
    assert second.origin.endswith("classifier (1 tensors)")
    x = first.pixels(batch["image"])
    torch.testing.assert_close(second.logits_network()(x), first.logits_network()(x))


def test_refuses_a_linear_classifier_for_a_margin_head(face_net: FaceNet, checkpoint: Path) -> None:
    with pytest.raises(ValueError, match=r"`classifier\.1\.margin_loss\.W` .*: \(8, 3\), got in \S+: no such weight"):
        ClassifierModule(
            face_net, 3, margin_head=ArcFaceHead, initial_weights=str(checkpoint), continue_classifier=True
        )


def test_refuses_a_classifier_of_other_identities_and_changes_nothing(face_net: FaceNet, checkpoint: Path) -> None:
    network = another(face_net)
    with pytest.raises(ValueError, match=r"`classifier\.1\.weight` of the network: \(4, 8\), got in \S+: \(3, 8\)"):
        ClassifierModule(network, 4, initial_weights=str(checkpoint), continue_classifier=True)
    assert all(not weight.any() for weight in network.parameters())


def test_refuses_a_checkpoint_without_a_classifier(face_net: FaceNet, tmp_path: Path) -> None:
    torch.save({f"network.{name}": t for name, t in face_net.state_dict().items()}, tmp_path / "b.ckpt")
    with pytest.raises(ValueError, match=r"`classifier\.1\.weight` .*got in \S+: no such weight"):
        ClassifierModule(face_net, 3, initial_weights=str(tmp_path / "b.ckpt"), continue_classifier=True)


@pytest.mark.parametrize("weights", [None, "imagenet"])
def test_refuses_to_continue_a_classifier_from_no_checkpoint(face_net: FaceNet, weights: str | None) -> None:
    with pytest.raises(ValueError, match=f"a checkpoint with `continue_classifier`, got {weights}"):
        ClassifierModule(face_net, 3, initial_weights=weights, continue_classifier=True)
