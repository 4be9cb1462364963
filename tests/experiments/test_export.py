"""``python -m experiments.export``: a folder that bare onnxruntime, this suite and people can use."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from torch import nn

from experiments.cli import UserError
from experiments.evaluate import evaluate
from experiments.evaluation.trained_module import load_trained
from experiments.export import export
from lightning_modules import ClassifierModule
from lightning_modules.networks import FaceNet, Normalize, PooledHead, VGG16Trunk, read_state_dict
from tests.experiments.runs_on_disk import CLASSIFIER, OS, SOIDN, write_run

FILES = ["README.md", "model.onnx", "model.safetensors", "model.yaml"]
QUICK = ["--protocol=few.yaml", "--accelerator=cpu", "--no-figures", "--no-cache"]
FEW = {
    "class_path": "datamodules.protocols.generated_protocol.generated_protocol",
    "init_args": {"identities": 20, "images": 3, "cache_dir": None},
}


@pytest.fixture(autouse=True)
def few(alone: Path) -> None:
    """A protocol of few faces."""
    (alone / "few.yaml").write_text(yaml.safe_dump(FEW))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SOIDN's run, and what was exported of it."""
    folder = tmp_path_factory.mktemp("made")
    checkpoint = write_run(folder / "runs/soidn/version_0", SOIDN, system="SOIDN") / "last.ckpt"
    metrics = {"test/rank1/cup": 0.875, "test/rank1/none": 1.0, "test/iou/mean": 0.5}
    (checkpoint.parent.parent / "metrics.json").write_text(json.dumps({"system": "SOIDN", "metrics": metrics}))
    export([f"--checkpoint={checkpoint}", f"--out={folder}/taken", "--licence=CC-BY-4.0"])
    return folder


@pytest.fixture
def checkpoint(made: Path) -> Path:
    return made / "runs/soidn/version_0/checkpoints/last.ckpt"


@pytest.fixture
def taken(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "taken", tmp_path / "taken"))


def test_onnxruntime_alone_gives_the_modules_embedding_and_occluder(taken: Path, checkpoint: Path) -> None:
    assert sorted(path.name for path in taken.iterdir()) == FILES
    session = onnxruntime.InferenceSession(taken / "model.onnx", providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).integers(256, size=(7, 3, 32, 32)).astype(np.float32)
    embedding, occluder = session.run(None, {"images": images})
    module: Any = load_trained(str(checkpoint)).module
    with torch.no_grad():
        output = module.network(module.normalize(torch.from_numpy(images)))
    np.testing.assert_allclose(embedding, output.embedding.numpy(), atol=1e-4)
    np.testing.assert_allclose(occluder, output.logits.softmax(1)[:, 1].numpy(), atol=1e-4)


def test_the_description_and_the_weights_are_the_network_again(taken: Path, checkpoint: Path) -> None:
    said = yaml.safe_load((taken / "model.yaml").read_text())
    parser = ArgumentParser(exit_on_error=False)
    for name in ("architecture", "normalize"):
        parser.add_argument(f"--{name}", type=nn.Module)
    built = parser.instantiate(parser.parse_object({name: said[name] for name in ("architecture", "normalize")}))
    again, weights = nn.Module(), read_state_dict(taken / "model.safetensors")
    again.network, again.normalize = built.architecture, built.normalize
    again.load_state_dict(weights)
    trained = torch.load(checkpoint)["state_dict"]
    assert weights.keys() == {name for name in trained if not name.startswith("classifier.")}
    assert all(torch.equal(weight, trained[name]) for name, weight in weights.items())


def test_a_training_can_start_from_the_weights(taken: Path, checkpoint: Path) -> None:
    weights, trained = str(taken / "model.safetensors"), torch.load(checkpoint)["state_dict"]
    network = FaceNet(VGG16Trunk(0.125), PooledHead, 32)
    ClassifierModule(network, 5, initial_weights=weights)
    assert all(torch.equal(weight, trained[f"network.{name}"]) for name, weight in network.state_dict().items())
    with pytest.raises(ValueError, match=r"`normalize` with the `mean` that model\.safetensors was trained with"):
        ClassifierModule(network, 5, initial_weights=weights, normalize=Normalize([0.0] * 3))


def test_the_folder_has_the_checkpoints_figures(taken: Path, checkpoint: Path) -> None:
    evaluate([f"--checkpoint={checkpoint}", f"--extractor={taken}", *QUICK])
    found = json.loads(Path("runs/evaluation/results.json").read_text())
    ours, theirs = found["SOIDN (soidn-version_0)"], found["taken"]
    assert ours["generated"].keys() == theirs["generated"].keys()
    for condition, measures in ours["generated"].items():
        assert measures.keys() == theirs["generated"][condition].keys()
        assert ("iou" in measures) == (condition != "all")
        for name, value in measures.items():
            assert theirs["generated"][condition][name] == (value and pytest.approx(value, abs=2e-3)), name


def test_the_page_has_the_runs_own_figures(taken: Path) -> None:
    page = (taken / "README.md").read_text()
    assert "| clean | 100.00 | – |" in page
    assert "| cup | 87.50 | – |" in page
    assert "| mean of occluders | – | 50.00 |" in page
    assert "CC-BY-4.0" in page
    assert str(taken.parent) not in page
    assert all(
        f"`{digest}`" in page for digest in yaml.safe_load((taken / "model.yaml").read_text())["sha256"].values()
    )


def test_thresholds_of_an_evaluation_travel_with_the_model(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.exporting.write_onnx", lambda *args: args[2].write_bytes(b"onnx"))
    monkeypatch.setattr("experiments.exporting.check_agreement", lambda *args: 0.0)
    evaluate([f"--checkpoint={checkpoint}", *QUICK, "--out=found"])
    export([f"--checkpoint={checkpoint}", "--out=taken", "--results=found/results.json"])
    said = yaml.safe_load(Path("taken/model.yaml").read_text())["thresholds"]
    results = json.loads(Path("found/results.json").read_text())["SOIDN (soidn-version_0)"]["generated"]
    assert said["scores"] == "cosine similarities"
    assert said["far"]["generated/all"]["0.1"]["threshold"] == results["all"]["threshold@far=0.1"]
    assert f"| generated/all | 0.1 | {results['all']['threshold@far=0.1']:.4f} |" in Path("taken/README.md").read_text()


@pytest.mark.parametrize(("model", "outputs"), [(CLASSIFIER, ["embedding"]), (OS, ["occluder_probability"])])
def test_what_segments_or_embeds_alone_is_exported_too(
    model: dict[str, Any], outputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_run(tmp_path / "net", model, system="Net") / "last.ckpt"
    export([f"--checkpoint={checkpoint}", "--out=taken", "--pixel-range=0-1"])
    said = yaml.safe_load(Path("taken/model.yaml").read_text())
    assert (said["outputs"], said["pixel_range"], said["thresholds"]) == (outputs, "0-1", None)
    assert "None are known" in Path("taken/README.md").read_text()
    assert "onnxruntime and torch differ by" in capsys.readouterr().out
    evaluate(["--extractor=taken", f"--checkpoint={checkpoint}", *QUICK])
    ours, theirs = json.loads(Path("runs/evaluation/results.json").read_text()).values()
    for measure, value in ours["generated"]["scarf"].items():
        assert theirs["generated"]["scarf"][measure] == (value and pytest.approx(value, abs=2e-3)), measure


def test_a_disagreement_leaves_no_folder(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.exporting.onnx_writing.TOLERANCE", 0.0)
    with pytest.raises(UserError, match="onnxruntime's embedding of 1 images to agree with torch's to 0, got "):
        export([f"--checkpoint={checkpoint}", "--out=taken"])
    assert [path.name for path in tmp_path.iterdir()] == ["few.yaml"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--checkpoint=nowhere.ckpt", "--out=taken"], "a weights file at nowhere.ckpt, got no such file"),
        (["--checkpoint={}", "--out=full"], r"an exported model alone, got full with notes\.txt"),
        (["--checkpoint={}", "--out=taken", "--results=nowhere.json"], r"got nowhere\.json without it"),
        (["--checkpoint={}", "--out=taken", "--pixel-range=0-7"], "argument --pixel-range: invalid choice: '0-7'"),
        (["--checkpoint={}"], "arguments are required: --out"),
    ],
)
def test_refuses_in_one_line_before_anything_is_written(args: list[str], message: str, checkpoint: Path) -> None:
    Path("full").mkdir()
    Path("full/notes.txt").write_text("")
    with pytest.raises(UserError, match=message) as refused:
        export([arg.format(checkpoint) for arg in args])
    assert "\n" not in str(refused.value)
    assert not Path("taken").exists()


def test_options_of_files_are_refused_for_a_folder_which_says_what_it_takes(taken: Path) -> None:
    with pytest.raises(UserError, match="an ONNX or TorchScript file as --extractor with --mean, got none"):
        evaluate([f"--extractor={taken}", "--mean=0", *QUICK])
    (taken / "model.onnx").write_bytes(b"other")
    with pytest.raises(UserError, match=r"model\.onnx in .*taken as it was exported, by its SHA-256, got another"):
        evaluate([f"--extractor={taken}", *QUICK])
