"""A trained module comes back from its checkpoint and the configuration of its run, and no other."""

from pathlib import Path

import pytest
import torch
import yaml

from experiments.cli import UserError, run
from experiments.evaluation.trained_module import load_trained
from lightning_modules import ClassifierModule, SegmentationModule, SOIDNModule
from tests.experiments.conftest import Options
from tests.experiments.runs_on_disk import CLASSIFIER, OS, write_run

IMAGES = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def train(system: str, options: Options) -> tuple[torch.Tensor, Path]:
    cli = run(["fit", f"--config={system}_demo", *options, "--evaluate=false"])
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


def test_refuses_another_models_checkpoint_and_a_lost_configuration(tmp_path: Path) -> None:
    checkpoint = str(write_run(tmp_path / "net", CLASSIFIER, system="Net") / "last.ckpt")
    saved = yaml.safe_load((tmp_path / "net/config.yaml").read_text())
    saved["model"]["init_args"]["network"]["init_args"]["trunk"]["init_args"]["width"] = 0.25
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(UserError, match=r"`network\.trunk\..*: \(16, 3, 3, 3\), got in .*: \(8, 3, 3, 3\)"):
        load_trained(checkpoint, str(tmp_path / "wide.yaml"))
    with pytest.raises(
        UserError,
        match=r"the configuration of the checkpoint's run, got nowhere\.yaml: expected YAML, got No such file",
    ):
        load_trained(checkpoint, "nowhere.yaml")
    with pytest.raises(UserError, match="nowhere"):
        load_trained("nowhere.ckpt")


@pytest.mark.parametrize(
    "content", [b"", b"- a", b"data: {init_args: {image_size: big}}", b"data: 3", b"\xff", b"a: [", b"model:"]
)
def test_refuses_a_configuration_that_is_none_in_one_line(content: bytes, tmp_path: Path) -> None:
    checkpoint = str(write_run(tmp_path / "net", CLASSIFIER, system="Net") / "last.ckpt")
    (tmp_path / "net/config.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"the configuration of the checkpoint's run, got .*config\.yaml:") as refused:
        load_trained(checkpoint)
    assert "\n" not in str(refused.value)


def test_a_segmentation_network_has_neither_image_size_nor_classes(tmp_path: Path) -> None:
    checkpoint = str(write_run(tmp_path / "os", OS, system="OS network") / "last.ckpt")
    trained = load_trained(checkpoint)
    assert isinstance(trained.module, SegmentationModule)
    assert (trained.image_size, trained.system) == (32, "OS network")
    saved = torch.load(checkpoint)["state_dict"]
    assert all(torch.equal(weight, saved[name]) for name, weight in trained.module.state_dict().items())
