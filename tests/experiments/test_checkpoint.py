"""A trained module comes back from its checkpoint and the configuration of its run, and no other."""

from pathlib import Path

import pytest
import torch
import yaml

from experiments.checkpoint import load_trained
from experiments.cli import UserError, run
from experiments.launch import CONFIGS
from lightning_modules import ClassifierModule, SOIDNModule
from tests.experiments.conftest import Options

IMAGES = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def train(system: str, options: Options) -> tuple[torch.Tensor, Path]:
    cli = run(["fit", f"--config={CONFIGS}/{system}_demo.yaml", *options, "--evaluate=false"])
    return cli.model.eval()(IMAGES), Path(str(cli.trainer.log_dir)) / "checkpoints/last.ckpt"


def test_a_module_gives_the_embeddings_that_it_gave(tiny: Options) -> None:
    expected, checkpoint = train("soidn", tiny)
    trained = load_trained(str(checkpoint))
    assert isinstance(trained.module, SOIDNModule)
    assert (trained.image_size, trained.system) == (64, "SOIDN")
    torch.testing.assert_close(trained.module(IMAGES), expected)


def test_neither_data_nor_initial_weights_are_needed_again(tiny: Options, tmp_path: Path) -> None:
    _, first = train("model_a", tiny)
    start = [f"--model.init_args.initial_weights={first}", "--model.init_args.continue_classifier=true"]
    expected, checkpoint = train("model_a", [*tiny, *start])
    first.unlink()
    config = checkpoint.parent.parent / "config.yaml"
    saved = yaml.safe_load(config.read_text())
    saved["data"]["init_args"]["source"] = {
        "class_path": "datamodules.sources.ImageFolder",
        "init_args": {"root": "gone"},
    }
    (tmp_path / "elsewhere.yaml").write_text(yaml.safe_dump(saved))
    trained = load_trained(str(checkpoint), str(tmp_path / "elsewhere.yaml"))
    assert isinstance(trained.module, ClassifierModule)
    torch.testing.assert_close(trained.module(IMAGES), expected)


def test_refuses_another_models_checkpoint_and_a_lost_configuration(tiny: Options, tmp_path: Path) -> None:
    _, checkpoint = train("model_a", tiny)
    saved = yaml.safe_load((checkpoint.parent.parent / "config.yaml").read_text())
    saved["model"]["init_args"]["network"]["init_args"]["trunk"]["init_args"]["width"] = 0.5
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(UserError, match=r"`network\.trunk\..*: \(16, 1, 3, 3\), got in .*: \(8, 1, 3, 3\)"):
        load_trained(str(checkpoint), str(tmp_path / "wide.yaml"))
    with pytest.raises(UserError, match=r"the configuration of the checkpoint's run, got .*nowhere\.yaml"):
        load_trained(str(checkpoint), "nowhere.yaml")
    with pytest.raises(UserError, match="nowhere"):
        load_trained("nowhere.ckpt")
