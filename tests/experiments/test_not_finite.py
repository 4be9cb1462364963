"""A network that gives NaN ends an evaluation in one line that names a face, a training in one that names the batch."""

from pathlib import Path

import pytest
import torch

from experiments.cli import main, run
from tests.experiments.conftest import Options


def said(args: Options, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command line that must fail, and return its one line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(run, args)
    assert stop.value.code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line.removeprefix("error: ")


@pytest.fixture
def options(tiny: Options) -> Options:
    return ["--config=trunk_demo", *tiny, "--evaluate=false"]


def test_one_nan_in_the_head_names_a_face_in_place_of_figures(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["fit", *options, "--trainer.limit_train_batches=1"])
    path = next(Path("runs").rglob("last.ckpt"))
    checkpoint = torch.load(path, weights_only=True)
    weights = [value for name, value in checkpoint["state_dict"].items() if "head" in name and name.endswith("weight")]
    weights[-1].view(-1)[0] = torch.nan
    torch.save(checkpoint, "nan.ckpt")
    for stage in ("test", "validate", "predict"):
        line = said([stage, *options, "--ckpt_path=nan.ckpt"], capsys)
        assert "got NaN or infinity" in line
        assert line.startswith("synthetic-"), line
    assert not list(Path("runs").rglob("metrics.json"))


def test_a_training_that_diverges_names_epoch_and_batch(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    rate = "--model.init_args.optimizer={class_path: torch.optim.SGD, init_args: {lr: 1e20}}"
    line = said(["fit", *options, rate, "--trainer.max_epochs=3", "--data.init_args.loading.batch_size=2"], capsys)
    assert line.startswith("Epoch 0, batch 1: expected a finite loss, got NaN or infinity: lower the learning rate"), (
        line
    )
    assert not list(Path("runs").rglob("*.ckpt"))
