"""Fine-tuning with triplets: what a step's loss is, what it starts from, and what it refuses."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import GradientAccumulationScheduler
from torch import nn
from torch.utils.data import DataLoader

from datamodules.errors import DataError
from datamodules.seams.face_batch import FaceBatch
from lightning_modules import ClassifierModule, TripletModule
from lightning_modules.networks import SOIDN, FaceNet, VGG16Head, VGG16Trunk
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


@pytest.fixture
def plain() -> FaceNet:
    torch.manual_seed(0)
    head = partial(VGG16Head, embedding_dim=32)  # with dropout
    return FaceNet(VGG16Trunk(0.125), head, image_size=32).double()


@pytest.mark.parametrize("loss", [TripletLoss(margin=1.5), BatchTripletLoss(margin=1.5)], ids=repr)
@pytest.mark.parametrize("chunk_size", [1, 3, 4, 9])
def test_chunks_have_loss_and_gradients_of_the_whole_batch(
    loss: DistanceLoss, chunk_size: int, plain: FaceNet, pairs: FaceBatch
) -> None:
    losses, gradients, sizes = [], [], []
    plain.trunk.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    for size in (None, chunk_size):
        module = quiet(TripletModule(plain, 2, loss=loss, strategy="all", chunk_size=size)).eval()
        output = module.training_step(pairs, 0)
        losses.append(output["loss"])
        gradients.append(torch.autograd.grad(output["loss"], list(plain.parameters())))
    assert losses[1].item() > 0
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-12, atol=0)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-9, atol=1e-12)
    assert sizes[0] == 4
    assert max(sizes[1:]) == min(chunk_size, 4)
    assert sum(sizes[1:]) == 2 * 4  # each again in the backward pass


def test_chunks_are_computed_again_with_the_same_dropout(
    plain: FaceNet, pairs: FaceBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients = []
    for kept in (False, True):
        if kept:
            monkeypatch.setattr("lightning_modules.triplet_module.checkpoint", lambda function, x, **_: function(x))
        torch.manual_seed(1)
        module = quiet(TripletModule(plain, 2, loss=BatchTripletLoss(), strategy="all", chunk_size=3)).train()
        torch.autograd.backward(module.training_step(pairs, 0)["loss"])
        gradients.append([p.grad.clone() for p in plain.parameters() if p.grad is not None])
        plain.zero_grad()
    assert any(gradient.any() for gradient in gradients[0])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=0)


def test_refuses_chunks_that_change_what_is_learned(face_net: FaceNet, plain: FaceNet) -> None:
    with pytest.raises(ValueError, match=r"without batch normalisation with `chunk_size`, got one in 'trunk\.stages"):
        TripletModule(face_net, 2, chunk_size=2)
    with pytest.raises(ValueError, match="`chunk_size` of at least 1, got 0"):
        TripletModule(plain, 2, chunk_size=0)


@pytest.mark.parametrize(
    "settings",
    [{"accumulate_grad_batches": 2}, {"callbacks": GradientAccumulationScheduler({0: 2})}],
    ids=["trainer", "callback"],
)
def test_refuses_to_accumulate_gradients(settings: dict[str, Any], face_net: FaceNet, pairs: FaceBatch) -> None:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        **settings,
    )
    loader: DataLoader[FaceBatch] = DataLoader([pairs, pairs], batch_size=None, num_workers=0)  # type: ignore[arg-type]  # a list is enough
    with pytest.raises(MisconfigurationException, match=r"of 1, got 2: .*`model\.init_args\.chunk_size`"):
        trainer.fit(TripletModule(face_net, 2), loader, loader)


def test_features_that_are_not_finite_stop_the_run_in_one_line(face_net: FaceNet, pairs: FaceBatch) -> None:
    module = quiet(TripletModule(face_net, 2))
    module._trainer = SimpleNamespace(global_step=7)  # type: ignore[assignment]  # all that is asked of it
    next(face_net.parameters()).data[0] = torch.inf
    with pytest.raises(DataError, match="NaN or infinity for 4 of 4 faces at step 7: lower the learning rate"):
        module.training_step(pairs, 0)


def test_refuses_one_identity(face_net: FaceNet) -> None:
    with pytest.raises(ValueError, match="at least 2 training identities, got 1"):
        TripletModule(face_net, 1)
