"""Another trunk is a layer of configuration: it trains in every system, and its checkpoint comes back as it was."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from experiments.cli import parse, run
from experiments.evaluation.trained_module import load_trained
from experiments.runs.layers import CONFIGS
from tests.experiments.conftest import Options
from tests.helpers.iresnet_files import as_arcface, as_ir_net, prefixed, trained_iresnet
from tests.helpers.onnx_faces import face_file

TRUNKS = CONFIGS / "trunks"
IMAGES = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TWO_STEPS = ["--evaluate=false", "--trainer.limit_train_batches=2", "--trainer.limit_val_batches=1"]
TRIPLETS = ["--data.init_args.identity_batches={identities: 4, images: 2}"]
TRUNK = "--model.init_args.network.init_args.trunk.init_args"


def train(system: str, *options: str) -> tuple[Any, Path]:
    cli = run(["fit", f"--config={system}_demo", *options, *TWO_STEPS])
    return cli.model, Path(str(cli.trainer.log_dir)) / "checkpoints/last.ckpt"


def assert_comes_back(module: Any, checkpoint: Path, images: torch.Tensor = IMAGES) -> Any:
    restored = load_trained(str(checkpoint)).module
    assert torch.equal(restored.eval()(images), module.eval()(images))
    return restored


@pytest.mark.parametrize("system", ["trunk", "baseline", "soidn", "triplet"])
@pytest.mark.parametrize("scale", ["demo", "casia"])
@pytest.mark.parametrize("layer", sorted(TRUNKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_layer_fits_over_every_system_that_has_a_trunk(layer: Path, scale: str, system: str) -> None:
    parsed = parse(["fit", f"--config={system}_{scale}", f"--config={layer}"])
    model = parsed["model"]["init_args"]
    said = yaml.safe_load(layer.read_text())["model"]["init_args"]
    for part in ("trunk", "head"):
        found, wanted = model["network"]["init_args"][part], said["network"]["init_args"][part]
        assert found["class_path"] == wanted["class_path"]
        assert {key: found["init_args"][key] for key in wanted["init_args"]} == wanted["init_args"]
    assert model["normalize"] is None  # what the weights say, not what the system's own trunk had


def test_baseline_starts_from_arcfaces_weights(tiny: Options, tmp_path: Path) -> None:
    torch.save(as_arcface(trained_iresnet(0.25, side=64, embedding_dim=256)), tmp_path / "backbone.pth")
    start = f"--model.init_args.initial_weights={tmp_path / 'backbone.pth'}"
    module, checkpoint = train("baseline", f"--config={TRUNKS / 'iresnet_demo.yaml'}", *tiny, start)
    assert module.origin.startswith("arcface_torch IResNet-18 weights from backbone.pth: trunk (")
    (tmp_path / "backbone.pth").unlink()
    assert_comes_back(module, checkpoint)


@pytest.mark.parametrize(("system", "more"), [("soidn", []), ("triplet", TRIPLETS)])
def test_blue_first_comes_back_with_the_checkpoint(system: str, more: Options, tiny: Options, tmp_path: Path) -> None:
    weights = as_ir_net(trained_iresnet(0.25, side=64, embedding_dim=256, first_shortcut="subsampling"))
    torch.save({"state_dict": prefixed(weights, "model.")}, tmp_path / "adaface_ir18.ckpt")
    options = [
        f"--config={TRUNKS / 'iresnet_demo.yaml'}",
        f"{TRUNK}.first_shortcut=subsampling",
        f"--model.init_args.initial_weights={tmp_path / 'adaface_ir18.ckpt'}",
        "--data.init_args.image_size=64",
    ]
    module, checkpoint = train(system, *options, *tiny, *more)
    assert module.normalize.bgr
    assert assert_comes_back(module, checkpoint).normalize.bgr


@pytest.mark.parametrize("system", ["baseline", "soidn"])
def test_a_network_from_onnx_is_trained_further(system: str, tiny: Options, tmp_path: Path) -> None:
    path = str(face_file(tmp_path / "face.onnx"))
    network = {
        "trunk": {"class_path": "lightning_modules.networks.OnnxTrunk", "init_args": {"path": path}},
        "head": {"class_path": "lightning_modules.networks.OnnxHead", "init_args": {"path": path}},
    }
    normalize = {"class_path": "lightning_modules.networks.Normalize", "init_args": {"mean": [0] * 3, "std": [1] * 3}}
    model = {"network": {"init_args": network}, "normalize": normalize}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"model": {"init_args": model}}))
    module, checkpoint = train(system, f"--config={tmp_path / 'mine.yaml'}", *tiny, "--data.init_args.image_size=32")
    assert module.origin == "the weights in face.onnx"
    assert_comes_back(module, checkpoint, IMAGES[..., :32, :32])
