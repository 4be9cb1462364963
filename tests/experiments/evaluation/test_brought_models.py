"""A network's own file is evaluated without a YAML file; what it leaves open is usual or an option, and said."""

import warnings
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from experiments.cli import UserError
from experiments.evaluate import evaluate
from experiments.evaluation.brought_models import brought
from experiments.evaluation.evaluation_options import parsed
from tests.helpers.iresnet_files import as_arcface, trained_iresnet
from tests.helpers.onnx_files import Means, write_means


def built(path: str, *options: str) -> str:
    return brought(path, parsed([f"--extractor={path}", "--protocol=generated", *options], "")).describe()


def write_script(path: Path, network: nn.Module) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since torch 2.9
        torch.jit.save(torch.jit.script(network), str(path))
    return str(path)


def test_a_file_says_how_it_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixed = write_means(tmp_path / "fixed.onnx", (1, 3, 8, 8))
    assert built(fixed).startswith("8 px, mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5], grey=False, bgr=False")
    assert capsys.readouterr().out.startswith(f"{fixed}: 8 px, ")
    loose = write_means(tmp_path / "open.onnx", ("N", 3, "H", "W"))
    assert built(loose).startswith("112 px, ")
    said = built(loose, "--image-size=16", "--mean", "0", "--std", "1", "2", "4", "--bgr")
    assert said.startswith("16 px, mean=[0.0, 0.0, 0.0], std=[1.0, 2.0, 4.0], grey=False, bgr=True")
    script = write_script(tmp_path / "net.pt", Means())
    assert built(script).startswith("112 px, mean=[127.5, ")
    assert built(script, "--image-size=16", "--std=1").startswith("16 px, mean=[127.5, 127.5, 127.5], std=[1.0, ")


def test_a_file_and_its_description_have_the_same_figures(tmp_path: Path) -> None:
    path = write_means(tmp_path / "net.onnx", ("N", 3, 8, 8))
    settings = {"path": path, "normalize": {"class_path": "lightning_modules.networks.Normalize"}}
    content = {"class_path": "lightning_modules.extractors.OnnxExtractor", "init_args": settings}
    (tmp_path / "described.yaml").write_text(yaml.safe_dump(content))
    common = ["--protocol=generated", "--accelerator=cpu", "--no-figures", "--no-cache"]
    evaluate([f"--extractor={path}", f"--extractor={tmp_path}/described.yaml", *common])
    results = yaml.safe_load(Path("runs/evaluation/results.json").read_text())
    assert results["net"] == results["described"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.onnx", b"text", r"Expected an ONNX file, got .*net\.onnx: "),
        ("net.onnx", b"version https://git-lfs.github.com/spec/v1", r"net\.onnx: a Git LFS pointer"),
        ("net.pt", b"text", r"Expected a TorchScript file, got .*net\.pt"),
        ("net.pt", b"", r"net\.pt: an empty file"),
        ("net.bin", b"text", r"--extractor to end in one of \.yaml, .*\.onnx, \.pt, .*, got .*net\.bin"),
    ],
)
def test_refuses_files_of_no_network_in_one_line(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as refused:
        evaluate([f"--extractor={tmp_path / name}", "--protocol=generated"])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("option", ["--image-size=9", "--mean=0", "--std=1", "--bgr"])
def test_options_of_files_need_one(option: str) -> None:
    name = option.partition("=")[0]
    with pytest.raises(UserError, match=f"an ONNX or TorchScript file as --extractor with {name}, got none"):
        evaluate(["--extractor=net.yaml", option, "--protocol=generated"])
    with pytest.raises(UserError, match="--image-size of at least 1, got '0'"):
        evaluate(["--extractor=net.onnx", "--image-size=0", "--protocol=generated"])


def test_refuses_a_size_that_the_file_does_not_take_and_a_range_of_none(tmp_path: Path) -> None:
    path = write_means(tmp_path / "net.onnx", (1, 3, 8, 8))
    with pytest.raises(UserError, match=r"`image_size` of 8, as .* fixes it, got 9"):
        built(path, "--image-size=9")
    with pytest.raises(UserError, match=r"`std` above 0, got \[0\.0, 0\.0, 0\.0\]"):
        built(path, "--std=0")
    with pytest.raises(UserError, match=r"`mean` of 3 value\(s\), got \[1\.0, 2\.0\]"):
        built(path, "--mean", "1", "2")


def test_refuses_a_size_that_weights_do_not_take(tmp_path: Path) -> None:
    path = str(tmp_path / "backbone.pth")
    torch.save(as_arcface(trained_iresnet(0.125)), path)
    with pytest.raises(UserError, match=r"`image_size` of 32, as .*backbone\.pth fixes it, got 224"):
        built(path, "--image-size=224")
    assert built(path, "--image-size=32").startswith("32 px, ")
