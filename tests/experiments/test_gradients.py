"""After one step every parameter that is to be trained has a gradient: several processes wait for each of them."""

import json
from copy import deepcopy
from typing import Any, NamedTuple

import pytest
import torch
from jsonargparse import ArgumentParser
from pytorch_lightning import LightningModule
from torch import nn

from datamodules.seams.face_batch import FaceBatch
from experiments.reproduction.paper_file import load, papers
from experiments.runs.layers import SYSTEMS, merged
from experiments.runs.setting import Setting
from lightning_modules import DistillationModule, SOIDNModule, TripletModule
from lightning_modules.base import FaceModule
from lightning_modules.clean_teacher import CleanTeacher
from lightning_modules.networks import SOIDN, FCN8s, PooledHead, VGG16Trunk

NETWORK = "--model.init_args.network.init_args"
WIDTHS = {
    "trunk": f"{NETWORK}.trunk.init_args.width=0.0625",
    "segmenter": f"{NETWORK}.segmenter.init_args.width=0.0625",
}
"""What makes the paper's networks small; their structure stays."""
HEAD = f"{NETWORK}.head.init_args.embedding_dim=8"
SHRUNK = {
    "soidn": [*WIDTHS.values(), HEAD],
    "soidn_shared": [WIDTHS["trunk"], HEAD],
    "trunk": [WIDTHS["trunk"], HEAD],
    "baseline": [WIDTHS["trunk"], HEAD],
    "segmentation": [f"{NETWORK}.width=0.0625"],
}
SIDE = 64


class Model(NamedTuple):
    """A configuration's model and options that change it."""

    config: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.config, *(option[-24:] for option in self.options)])


def at_paper_scale() -> list[Model]:
    return [Model(f"{system}_casia", tuple(SHRUNK.get(system, [WIDTHS["trunk"]]))) for system in SYSTEMS]


def rows() -> list[Model]:
    """Return the models of every row at demo scale, those that are alike once."""
    setting = Setting("demo")
    rows = [paper.resolved(key, "demo") for paper in map(load, papers().values()) for key in paper.rows]
    specs = [setting.spec(row.system, row.changes) for row in rows]
    models = [Model(spec.config, tuple(word for word in spec.words() if word.startswith("--model."))) for spec in specs]
    return list(dict.fromkeys(models))


def built(model: Model) -> FaceModule:
    """Build the model alone, without data."""
    described = merged(model.config)["model"]
    described["init_args"].pop("continue_classifier", None)
    network = described["init_args"]["network"]
    if not network["class_path"].endswith("FCN8s"):
        network["init_args"]["image_size"] = SIDE
        described["init_args"]["num_classes"] = 3
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--model", type=LightningModule)
    words = [word for word in model.options if not word.startswith("--model.init_args.continue_classifier")]
    module: FaceModule = parser.instantiate(parser.parse_args([f"--model={json.dumps(described)}", *words])).model
    return module


def batch_of(side: int) -> FaceBatch:
    generator = torch.Generator().manual_seed(0)
    return FaceBatch(
        image=torch.randint(256, (4, 3, side, side), dtype=torch.uint8, generator=generator),
        mask=torch.randint(2, (4, side, side), dtype=torch.uint8, generator=generator),
        identity=torch.tensor([0, 0, 1, 1]),
        index=torch.arange(4),
        occluder=["none"] * 4,
        clean=torch.zeros(4, 3, side, side, dtype=torch.uint8),
    )


def without_gradient(module: FaceModule, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what one step of training leaves without gradient, of the parameters that are to be trained."""
    monkeypatch.setattr(FaceModule, "log_losses", lambda *args, **losses: None)
    if isinstance(module, DistillationModule):
        module._teacher = CleanTeacher(deepcopy(module.network))  # as a fit makes it, of its checkpoint
    module._device = torch.device("meta")  # as Lightning's set-up says of a GPU, before the weights are there
    module.freeze_unused()
    module._device = torch.device("cpu")
    module.train()
    output: Any = module.training_step(batch_of(SIDE), 0)
    (output if isinstance(output, torch.Tensor) else output["loss"]).backward()
    return [name for name, p in module.named_parameters() if p.requires_grad and p.grad is None]


@pytest.mark.parametrize("model", [*rows(), *at_paper_scale()], ids=str)
def test_of_every_row_and_configuration(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    assert without_gradient(built(model), monkeypatch) == []


def soidn(**settings: Any) -> SOIDN:
    segmenter = settings.pop("segmenter", None) or FCN8s(0.125, fully_connected_dim=16, dropout=0.0)
    return SOIDN(VGG16Trunk(0.125), segmenter, PooledHead, image_size=SIDE, **settings)


@pytest.mark.parametrize(
    ("network", "frozen"),
    [
        ({}, ["segmenter.score", "segmenter.fully_connected"]),
        ({"mask_positions": [2]}, ["segmenter.encoder.stages.4", "segmenter.encoder.stages.2", "segmenter.score"]),
        ({"mask_positions": [0, 3, 5]}, ["segmenter.score"]),
        ({"mask_source": "scores"}, []),
        ({"detach_segmenter": True}, ["segmenter"]),
    ],
    ids=str,
)
def test_of_triplets_of_a_soidn(
    network: dict[str, Any], frozen: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = TripletModule(soidn(**network), 2)
    with caplog.at_level("INFO"):
        assert without_gradient(module, monkeypatch) == []
    named = caplog.text.partition("parameters are not trained: ")[2].strip().split(", ")
    assert set(frozen) <= set(named)
    assert bool(frozen) == ("not trained" in caplog.text)


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("settings", [{}, {"detach_segmenter": True}, {"mask_source": "scores"}], ids=str)
def test_of_a_soidn_without_segmentation_loss_or_with_its_segmenter_detached(
    weight: float, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = SOIDNModule(soidn(**settings), 2, segmentation_weight=weight)
    assert without_gradient(module, monkeypatch) == []
    assert all(p.requires_grad for p in module.parameters())


def test_what_is_not_trained_stays_as_it_is_and_in_the_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)  # of some weights a unit's gradient is 0
    module = TripletModule(soidn(), 2)
    names = set(module.state_dict())
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, weight_decay=0.1)
    assert without_gradient(module, monkeypatch) == []
    optimizer.step()
    assert set(module.state_dict()) == names
    for name, p in module.named_parameters():
        assert torch.equal(p, before[name]) != p.requires_grad, name


def test_a_user_s_network_that_takes_no_such_image_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    module = TripletModule(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), 2)
    with pytest.warns(UserWarning, match="Whether all parameters are trained was not looked at"):
        module.freeze_unused()
    assert all(p.requires_grad for p in module.parameters())
