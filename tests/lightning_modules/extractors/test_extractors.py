"""Models of others: raw pixels in, embeddings out, whatever kind of file they come in."""

import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lightning_modules.extractors import Extractor, OnnxExtractor, TimmExtractor, TorchScriptExtractor
from lightning_modules.networks import IMAGENET_MEAN, IMAGENET_STD, Normalize, fingerprint


class Means(nn.Module):
    """Embeds an image as its channels' means in its upper and its left half."""

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[2] // 2
        return torch.cat([x[:, :, :half].mean((2, 3)), x[..., :half].mean((2, 3))], 1)


@pytest.fixture
def images() -> Tensor:
    return torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_pixels_are_normalised_as_declared(images: Tensor) -> None:
    extractor = Extractor(Means(), image_size=8, normalize=Normalize([10, 20, 30], [2, 4, 8]))
    x = (images.float() - torch.tensor([10.0, 20, 30])[:, None, None]) / torch.tensor([2.0, 4, 8])[:, None, None]
    torch.testing.assert_close(extractor(images), Means()(x))
    torch.testing.assert_close(extractor.predict_step({"image": images}, 0)["embedding"], Means()(x))  # type: ignore[typeddict-item]  # all it reads


def test_bgr_takes_blue_first_after_each_channels_own_mean(images: Tensor) -> None:
    plain, bgr = (Extractor(Means(), image_size=8, normalize=Normalize([10, 20, 30]), bgr=b) for b in (False, True))
    torch.testing.assert_close(bgr(images), plain(images)[:, [2, 1, 0, 5, 4, 3]])


def test_flip_adds_the_mirror_images_embedding(images: Tensor) -> None:
    plain, flipped = (Extractor(Means(), image_size=8, flip=f) for f in (False, True))
    torch.testing.assert_close(flipped(images), plain(images) + plain(images.flip(3)))
    assert not torch.allclose(flipped(images), 2 * plain(images))


def test_preprocessing_is_told_apart(images: Tensor) -> None:
    settings: list[dict[str, Any]] = [{}, {"bgr": True}, {"flip": True}, {"normalize": Normalize([1, 2, 3])}]
    made = [Extractor(Means(), image_size=8, **s) for s in settings] + [Extractor(Means(), image_size=9)]
    assert len({extractor.preprocessing() for extractor in made}) == 5


def test_timm_model_and_its_own_preprocessing(images: Tensor) -> None:
    extractor = TimmExtractor("resnet10t", image_size=32)
    torch.testing.assert_close(extractor.normalize.mean.flatten(), torch.tensor(IMAGENET_MEAN))
    torch.testing.assert_close(extractor.normalize.std.flatten(), torch.tensor(IMAGENET_STD))
    assert extractor(images).shape == (2, 512)
    assert TimmExtractor("resnet10t").image_size == 176  # what timm says of it


def test_timm_weights_from_a_file(images: Tensor, tmp_path: Path) -> None:
    import timm

    whole: Any = timm.create_model("resnet10t", num_classes=5)
    torch.save(whole.state_dict(), tmp_path / "net.pth")
    extractor = TimmExtractor("resnet10t", weights=str(tmp_path / "net.pth"), image_size=32)
    features = whole.eval().forward_head(whole.forward_features(extractor.normalize(images)), pre_logits=True)
    torch.testing.assert_close(extractor(images), features)
    first = next(iter(whole.state_dict()))
    torch.save({k: t for k, t in whole.state_dict().items() if k != first}, tmp_path / "less.pth")
    with pytest.raises(ValueError, match=rf"`{first}` of the model: .*, got in less.pth: no such weight"):
        TimmExtractor("resnet10t", weights=str(tmp_path / "less.pth"))


def script(path: Path, network: nn.Module) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since torch 2.9
        torch.jit.save(torch.jit.script(network), str(path))
    return str(path)


def test_torchscript_file(images: Tensor, tmp_path: Path) -> None:
    extractor = TorchScriptExtractor(script(tmp_path / "net.pt", Means()), image_size=8)
    torch.testing.assert_close(extractor(images), Extractor(Means(), image_size=8)(images))
    other = TorchScriptExtractor(script(tmp_path / "other.pt", nn.Flatten()), image_size=8)
    assert fingerprint(extractor.state_dict()) != fingerprint(other.state_dict())


class FakeSession:
    """Stands for onnxruntime's: computes what :class:`Means` does."""

    def __init__(self, path: str, providers: list[str]) -> None:
        if not Path(path).read_bytes().startswith(b"onnx"):
            raise RuntimeError("Protobuf parsing failed.\nmore")

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="input.1")]

    def run(self, outputs: None, feed: dict[str, Any]) -> list[Any]:
        return [Means()(torch.from_numpy(feed["input.1"])).numpy().astype(np.float32)]


def test_onnx_file(images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = SimpleNamespace(InferenceSession=FakeSession, get_available_providers=lambda: ["CPU"])
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    (tmp_path / "net.onnx").write_bytes(b"onnx")
    extractor = OnnxExtractor(str(tmp_path / "net.onnx"), image_size=8)
    torch.testing.assert_close(extractor(images), Extractor(Means(), image_size=8)(images))
    (tmp_path / "bad.onnx").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"an ONNX file, got .*bad\.onnx: Protobuf parsing failed\.$"):
        OnnxExtractor(str(tmp_path / "bad.onnx"), image_size=8)


def test_without_onnxruntime_a_line_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "net.onnx").write_bytes(b"onnx")
    with pytest.raises(ValueError, match="Expected onnxruntime for an ONNX file, got none: pip install onnxruntime"):
        OnnxExtractor(str(tmp_path / "net.onnx"), image_size=8)


@pytest.mark.parametrize("kind", [TorchScriptExtractor, OnnxExtractor])
def test_refuses_missing_files(kind: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere, which is not there"):
        kind(str(tmp_path / "nowhere"), image_size=8)


def test_refuses_a_torchscript_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"Expected a TorchScript file, got .*net\.pt"):
        TorchScriptExtractor(str(tmp_path / "net.pt"), image_size=8)


def test_refuses_outputs_that_are_no_embeddings(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"embeddings \(B, D\) of Identity, got \(2, 3, 8, 8\)"):
        Extractor(nn.Identity(), image_size=8)(images)


def test_refuses_settings() -> None:
    with pytest.raises(ValueError, match="`image_size` of at least 1, got 0"):
        Extractor(Means(), image_size=0)
    with pytest.raises(ValueError, match=r"`model_name` in timm\.list_models"):
        TimmExtractor("resnet1")
