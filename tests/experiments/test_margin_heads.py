"""Margin heads by configuration: trained, evaluated, loaded again and resumed as softmax is."""

import math
from pathlib import Path

import pytest
import torch

from experiments.cli import UserError, build, run
from experiments.evaluation.trained_module import load_trained
from lightning_modules import ClassifierModule, SOIDNModule
from lightning_modules.networks import ArcFaceHead, CosFaceHead
from tests.experiments.conftest import Options

HEAD = "--model.init_args.margin_head"
IMAGES = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def options_of(head: str, margin: float, scale: float = 16.0) -> Options:
    init_args = {"margin": margin, "scale": scale}
    return [
        f"{HEAD}=lightning_modules.networks.{head}",
        *(f"{HEAD}.init_args.{key}={value}" for key, value in init_args.items()),
    ]


@pytest.mark.parametrize(
    ("system", "head", "margin"), [("baseline", "ArcFaceHead", 15.0), ("soidn", "CosFaceHead", 0.2)]
)
def test_a_configured_head_is_trained_evaluated_mapped_and_loaded_again(
    system: str, head: str, margin: float, tiny: Options
) -> None:
    options = [f"--config={system}_demo", *tiny, *options_of(head, margin)]
    fitted = run(["fit", *options])
    measures = {name: float(value) for name, value in fitted.trainer.callback_metrics.items()}
    assert "test/rank1/occluded" in measures
    assert all(math.isfinite(value) for value in measures.values())

    checkpoint = Path(str(fitted.trainer.log_dir)) / "checkpoints/last.ckpt"
    trained = load_trained(str(checkpoint)).module
    assert isinstance(trained, ClassifierModule | SOIDNModule)
    given = trained.classifier[1]
    assert isinstance(given, ArcFaceHead if head == "ArcFaceHead" else CosFaceHead)
    assert given.margin_loss.W.shape == (256, 5)  # 8 people, 3 of them unseen
    assert given.margin_loss.scale == 16.0
    assert given.margin_loss.margin == (math.radians(15.0) if head == "ArcFaceHead" else 0.2)
    model = fitted.model.eval()
    torch.testing.assert_close(trained(IMAGES), model(IMAGES))
    x = model.pixels(IMAGES)
    torch.testing.assert_close(trained.logits_network()(x), model.logits_network()(x))


def test_a_resumed_run_ends_with_the_weights_of_an_undisturbed_one(tiny: Options) -> None:
    head = options_of("ArcFaceHead", 15.0)
    steady = ["--model.init_args.lr_schedule=null", "--evaluate=false"]  # a schedule would see other lengths
    options = ["fit", "--config=baseline_demo", *tiny, *head, *steady]
    whole = run([*options, "--trainer.max_epochs=2"]).model.state_dict()
    first = run(options)
    checkpoint = f"--ckpt_path={first.trainer.log_dir}/checkpoints/last.ckpt"
    resumed = run([*options, "--trainer.max_epochs=2", checkpoint]).model.state_dict()
    assert "classifier.1.margin_loss.W" in whole
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, msg=name)
    assert not torch.equal(first.model.state_dict()["classifier.1.margin_loss.W"], whole["classifier.1.margin_loss.W"])


def test_refuses_a_margin_in_radians_in_one_line(tiny: Options) -> None:
    with pytest.raises(UserError, match=r"ArcFace's `margin` in degrees, 0 or from 1 to 90, .* got 0\.5$"):
        build(["fit", "--config=baseline_demo", *tiny, *options_of("ArcFaceHead", 0.5)])


def test_refuses_another_module_as_a_head(tiny: Options) -> None:
    with pytest.raises(UserError, match="margin_head"):
        build(["fit", "--config=baseline_demo", *tiny, f"{HEAD}=torch.nn.ReLU"])
