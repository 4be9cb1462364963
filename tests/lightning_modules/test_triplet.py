"""Fine-tuning with triplets: what a step's loss is, what it starts from, and what it refuses."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from datamodules.batch import FaceBatch
from datamodules.errors import DataError
from lightning_modules import ClassifierModule, TripletModule
from lightning_modules.networks import SOIDN, FaceNet
from losses import BatchTripletLoss, DistanceLoss, TripletLoss, mine_triplets


def quiet(module: TripletModule) -> TripletModule:
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]  # there is no trainer
    return module


@pytest.fixture
def pairs(batch: FaceBatch) -> FaceBatch:
    return FaceBatch(**{**batch, "identity": torch.tensor([0, 1, 0, 1])})


def test_embeddings_are_the_networks_features_at_length_one(face_net: FaceNet, batch: FaceBatch) -> None:
    module = TripletModule(face_net, 3).eval()
    features = face_net(module.pixels(batch["image"]))
    assert (features.norm(dim=1) - 1).abs().min() > 0.01
    embeddings = module(batch["image"])
    torch.testing.assert_close(embeddings, features / features.norm(dim=1, keepdim=True))
    for step in (module.validation_step, module.test_step, module.predict_step):
        torch.testing.assert_close(step(batch, 0)["embedding"], embeddings)


def test_a_soidn_embeds_too(soidn: SOIDN, batch: FaceBatch) -> None:
    module = TripletModule(soidn, 3).eval()
    expected = soidn(module.pixels(batch["image"])).embedding
    torch.testing.assert_close(module(batch["image"]), nn.functional.normalize(expected))


@pytest.mark.parametrize("loss", [TripletLoss(margin=1.5), BatchTripletLoss(margin=1.5, beta=0.4)], ids=repr)
def test_loss_is_that_of_the_mined_triplets(loss: DistanceLoss, face_net: FaceNet, pairs: FaceBatch) -> None:
    module = quiet(TripletModule(face_net, 2, loss=loss, strategy="all_violating")).eval()
    z = module(pairs["image"])
    triplets = mine_triplets(z, pairs["identity"], margin=1.5, strategy="all_violating")
    output = module.training_step(pairs, 0)
    torch.testing.assert_close(output["loss"], loss(*(z[index] for index in triplets)))
    assert len(output["d_ap"]) == len(triplets.anchor) > 0
    torch.testing.assert_close(output["d_an"], (z[triplets.anchor] - z[triplets.negative]).square().sum(1))
    assert not any(output[key].requires_grad for key in ("embedding", "d_ap", "d_an"))
    torch.autograd.backward(output["loss"])
    assert all(p.grad is not None and p.grad.any() for p in face_net.trunk.parameters() if p.ndim > 1)


def test_a_batch_without_triplets_can_be_stepped_over(face_net: FaceNet, pairs: FaceBatch) -> None:
    module = quiet(TripletModule(face_net, 4))
    pairs["identity"] = torch.arange(4)
    output = module.training_step(pairs, 0)
    assert output["loss"] == 0
    torch.autograd.backward(output["loss"])
    assert all(p.grad is not None and not p.grad.any() for p in face_net.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_leaves_distances_and_loss_in_float32(dtype: torch.dtype, face_net: FaceNet, pairs: FaceBatch) -> None:
    module = quiet(TripletModule(face_net, 2, strategy="all"))
    with torch.autocast("cpu", dtype=dtype):
        assert face_net(module.pixels(pairs["image"])).dtype == dtype
        output = module.training_step(pairs, 0)
    for key in ("loss", "embedding", "d_ap", "d_an"):
        assert output[key].dtype == torch.float32
    lengths = output["embedding"].norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(4))
    assert output["loss"].isfinite()


def test_starts_from_a_classifiers_network_without_its_classifier(
    face_net: FaceNet, batch: FaceBatch, tmp_path: Path
) -> None:
    a = ClassifierModule(face_net, 3).eval()
    torch.save({"state_dict": a.state_dict()}, tmp_path / "a.ckpt")
    expected = nn.functional.normalize(a(batch["image"]))
    for weight in face_net.parameters():
        weight.data.zero_()
    module = TripletModule(face_net, 7, initial_weights=str(tmp_path / "a.ckpt")).eval()
    torch.testing.assert_close(module(batch["image"]), expected)
    assert not [name for name in module.state_dict() if "classifier" in name]
    assert module.origin.startswith("checkpoint weights from a.ckpt: network (")


def test_features_that_are_not_finite_stop_the_run_in_one_line(face_net: FaceNet, pairs: FaceBatch) -> None:
    module = quiet(TripletModule(face_net, 2))
    module._trainer = SimpleNamespace(global_step=7)  # type: ignore[assignment]  # all that is asked of it
    next(face_net.parameters()).data[0] = torch.inf
    with pytest.raises(DataError, match="NaN or infinity for 4 of 4 faces at step 7: lower the learning rate"):
        module.training_step(pairs, 0)


def test_refuses_one_identity(face_net: FaceNet) -> None:
    with pytest.raises(ValueError, match="at least 2 training identities, got 1"):
        TripletModule(face_net, 1)
