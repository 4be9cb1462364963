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

from datamodules import FaceDataModule, Loading, SplitSettings
from datamodules.seams.face_batch import FaceBatch
from lightning_modules import ClassifierModule, SOIDNModule, WarmupCosine
from lightning_modules.base import FaceModule
from lightning_modules.batch_norm import check_batch_norm
from lightning_modules.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    SOIDN,
    VGGFACE_MEAN,
    VGGFACE_STD,
    FaceNet,
    Normalize,
)
from lightning_modules.pixels import check_same_pixels
from tests.helpers.doubles import PlainSource, RandomSquare


def train(
    module: LightningModule, folder: Path, *, epochs: int, num_workers: int = 0, resume: Path | None = None
) -> Path:
    """Train on twenty faces of five identities; return where the checkpoint of each epoch is."""
    torch.set_num_threads(1)
    data = FaceDataModule(
        PlainSource([5] * 8),
        training_occluder=RandomSquare(),
        image_size=32,
        loading=Loading(batch_size=8, num_workers=num_workers),
        split=SplitSettings(min_images=5, num_unseen=3),
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


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_resumed_run_is_the_uninterrupted_one(dropout: float, face_net: FaceNet, tmp_path: Path) -> None:
    whole, resumed = (learner(face_net, dropout=dropout) for _ in range(2))
    torch.manual_seed(3)  # as seed_everything does at the start of either
    train(whole, tmp_path / "whole", epochs=2)
    torch.manual_seed(3)
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


def test_channels_last_changes_rounding_only(face_net: FaceNet, soidn: SOIDN, batch: FaceBatch) -> None:
    modules: list[tuple[FaceModule, FaceModule]] = [
        (ClassifierModule(face_net, 3), ClassifierModule(deepcopy(face_net), 3, channels_last=True)),
        (SOIDNModule(soidn, 3), SOIDNModule(deepcopy(soidn), 3, channels_last=True)),
    ]
    for plain, last in modules:
        assert last.pixels(batch["image"]).is_contiguous(memory_format=torch.channels_last)
        (weight, *_) = (p for p in last.network.parameters() if p.ndim == 4)
        assert weight.is_contiguous(memory_format=torch.channels_last)
        assert not weight.is_contiguous()
        gradients = []
        for module in (plain, last):
            embeddings = module(batch["image"])
            trunk = [p for name, p in module.network.named_parameters() if name.startswith("trunk.")]
            gradients.append(torch.autograd.grad(embeddings.square().sum(), trunk))
            module.eval()
        torch.testing.assert_close(last(batch["image"]), plain(batch["image"]), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_a_compiled_network_is_the_same_with_the_same_names(face_net: FaceNet, batch: FaceBatch) -> None:
    torch.compiler.reset()
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    plain = ClassifierModule(face_net, 3).eval()
    compiled = ClassifierModule(deepcopy(face_net), 3, compiled={"backend": backend}).eval()
    assert list(compiled.state_dict()) == list(plain.state_dict())
    torch.testing.assert_close(compiled(batch["image"]), plain(batch["image"]), rtol=1e-5, atol=1e-6)
    assert len(graphs) == 1
    scores, pixels = compiled.logits_network(), compiled.pixels(batch["image"])
    exported = torch.export.export(scores, (pixels,), strict=False).module()  # as occlusion maps do
    torch.testing.assert_close(exported(pixels), scores(pixels), rtol=1e-5, atol=1e-6)
    torch.compiler.reset()


def test_refuses_batch_normalisation_over_processes_on_a_cpu(face_net: FaceNet, soidn: SOIDN) -> None:
    with pytest.raises(MisconfigurationException, match=r"Expected GPUs with `trainer\.sync_batchnorm`"):
        check_batch_norm(face_net, 2, synchronised=True, on_cpu=True)
    check_batch_norm(soidn.trunk, 2, synchronised=True, on_cpu=True)  # has none


def test_warns_of_statistics_of_each_process(face_net: FaceNet, soidn: SOIDN) -> None:
    with pytest.warns(UserWarning, match=r"take the statistics of 1/2 of the batch.*sync_batchnorm=true"):
        check_batch_norm(face_net, 2, synchronised=False, on_cpu=False)
    check_batch_norm(face_net, 2, synchronised=True, on_cpu=False)
    check_batch_norm(soidn.trunk, 2, synchronised=False, on_cpu=False)
