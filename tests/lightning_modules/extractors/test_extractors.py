"""Models of others: raw pixels in, embeddings out, whatever kind of file they come in."""

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lightning_modules.extractors import Extractor, OnnxExtractor, TimmExtractor, TorchScriptExtractor
from lightning_modules.extractors.onnx_extractor import external_data
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
    """Stands for onnxruntime's: computes what :class:`Means` does, in batches of the size that the file fixes."""

    batches: ClassVar[list[int]] = []

    def __init__(self, path: str, options: Any, providers: list[str]) -> None:
        assert options.log_severity_level >= 3  # or it would warn of every initialiser
        content = Path(path).read_bytes()
        if not content.startswith(b"onnx"):
            raise RuntimeError("Protobuf parsing failed.\nmore")
        self.inputs = [SimpleNamespace(name="input.1", shape=["N", 3, "H", "W"], type="tensor(float)")]
        self.outputs = [SimpleNamespace(name="fc1", shape=["N", 6])]
        for key, value in json.loads(content[4:] or b"{}").items():
            vars((self.inputs if key in ("shape", "type") else self.outputs)[0])[key.removeprefix("output_")] = value

    def get_inputs(self) -> list[Any]:
        return self.inputs

    def get_outputs(self) -> list[Any]:
        return self.outputs

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]

    def run(self, outputs: None, feed: dict[str, Any]) -> list[Any]:
        x = torch.from_numpy(feed["input.1"])
        self.batches.append(len(x))
        if isinstance(self.inputs[0].shape[0], int) and len(x) != self.inputs[0].shape[0]:
            raise RuntimeError(f"INVALID_ARGUMENT: Got: {len(x)} Expected: {self.inputs[0].shape[0]}")
        return [Means()(x.float()).numpy().astype(np.float32)]


@pytest.fixture
def onnx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a file that the session above reads, with what it fixes."""
    runtime = SimpleNamespace(
        InferenceSession=FakeSession, get_available_providers=lambda: ["CPU"], SessionOptions=SimpleNamespace
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    monkeypatch.setattr(FakeSession, "batches", [])

    def write(**fixed: Any) -> str:
        (tmp_path / "net.onnx").write_bytes(b"onnx" + json.dumps(fixed).encode())
        return str(tmp_path / "net.onnx")

    return write


def test_onnx_file(images: Tensor, onnx: Callable[..., str], tmp_path: Path) -> None:
    extractor = OnnxExtractor(onnx(), image_size=8)
    torch.testing.assert_close(extractor(images), Extractor(Means(), image_size=8)(images))
    (tmp_path / "bad.onnx").write_bytes(b"text")
    with pytest.raises(
        ValueError, match=r"an ONNX file, got .*bad\.onnx: RuntimeError: Protobuf parsing failed\. more$"
    ):
        OnnxExtractor(str(tmp_path / "bad.onnx"), image_size=8)


@pytest.mark.parametrize(("number", "batches"), [(1, [1] * 5), (2, [2] * 3), (8, [8])])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_onnx_file_of_a_fixed_batch_runs_at_its_own_size(
    number: int, batches: list[int], threads: int, onnx: Callable[..., str]
) -> None:
    images = torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    extractor = OnnxExtractor(onnx(shape=[number, 3, 8, 8]), flip=True)
    extractor.threads = threads
    assert (extractor.batch_size, extractor.image_size) == (number, 8)
    torch.testing.assert_close(extractor(images), Extractor(Means(), image_size=8, flip=True)(images))
    assert FakeSession.batches == 2 * batches


def test_threads_share_a_batch_and_keep_its_order(onnx: Callable[..., str]) -> None:
    images = torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    extractor = OnnxExtractor(onnx(), image_size=8)
    extractor.threads = 3
    torch.testing.assert_close(extractor(images), Extractor(Means(), image_size=8)(images))
    assert sorted(FakeSession.batches) == [1, 2, 2]


@pytest.mark.parametrize("kind", ["float16", "double"])
def test_an_onnx_file_gets_the_type_that_it_takes(kind: str, images: Tensor, onnx: Callable[..., str]) -> None:
    extractor = OnnxExtractor(onnx(type=f"tensor({kind})"), image_size=8)
    torch.testing.assert_close(extractor(images), Extractor(Means(), image_size=8)(images), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("fixed", "settings", "message"),
    [
        ({}, {}, "`image_size`, which .* leaves open, got none"),
        ({"shape": [1, 3, 8, 8]}, {"image_size": 9}, "`image_size` of 8, as .* fixes it, got 9"),
        ({"shape": [2, 3, 8, 8]}, {"batch_size": 3}, "`batch_size` of 2, as .* fixes it, got 3"),
        ({"shape": [1, 3, 8, 9]}, {}, "square images, got .*: 9 × 8"),
        ({"shape": [1, 1, 8, 8]}, {}, r"images of 1 channel\(s\) for .*, got 3 from `normalize`"),
        ({"shape": [1, 8, 8, 3]}, {}, r"images \(B, C, H, W\), float, got .*: input\.1 \(1, 8, 8, 3\)"),
        ({"shape": [1, 64]}, {}, r"images \(B, C, H, W\), float, got .*: input\.1 \(1, 64\)"),
        ({"type": "tensor(uint8)"}, {}, r"images \(B, C, H, W\), float, got .*tensor\(uint8\)"),
        ({"output_shape": ["N", 6, 1, 1]}, {}, r"first output are embeddings \(B, D\), got .*: fc1 \('N', 6, 1, 1\)"),
    ],
)
def test_refuses_onnx_files_that_take_or_give_something_else(
    fixed: dict[str, Any], settings: dict[str, Any], message: str, onnx: Callable[..., str]
) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        OnnxExtractor(onnx(**fixed), **settings)
    assert "\n" not in str(refused.value)


def test_tensors_beside_an_onnx_file_are_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "layers").mkdir()
    name = "layers/" + "w" * 150  # its length takes two bytes
    location = b"\n\x08location\x12" + bytes([(len(name) & 0x7F) | 0x80, len(name) >> 7]) + name.encode()
    (tmp_path / "net.onnx").write_bytes(b"before" + location + b"after" + location + b"\n\x08location\x12\x04lost")
    (tmp_path / name).write_bytes(b"one")
    (tmp_path / "other").write_bytes(b"one")
    assert list(external_data(tmp_path / "net.onnx")) == [tmp_path / name]


def test_a_real_file_of_a_fixed_batch() -> None:
    pytest.importorskip("onnxruntime")
    path = Path(__file__).parents[4] / "shared/models/face_recognition_sface_2021dec.onnx"
    if not path.is_file():
        pytest.skip("there is none here")
    extractor = OnnxExtractor(str(path), normalize=Normalize([0.0] * 3, [1.0] * 3))
    images = torch.randint(256, (3, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together = extractor(images)
    assert together.shape == (3, 128)
    torch.testing.assert_close(together, torch.cat([extractor(image[None]) for image in images]))


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


class Fixed(nn.Module):
    """Traced, it takes one number of images only."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)).reshape(int(x.shape[0]), 3)


class Alone(nn.Module):
    """Forgets the batch of an image that is alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)).squeeze()


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Narrow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x)
        return out


def trace(path: Path, network: nn.Module, number: int) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since torch 2.9
        traced = torch.jit.trace(network, torch.zeros(number, 3, 8, 8))  # type: ignore[no-untyped-call]  # torch's
        torch.jit.save(traced, str(path))
    return str(path)


def test_a_file_that_was_traced_for_two_images_takes_two_at_a_time(tmp_path: Path) -> None:
    images = torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    path = trace(tmp_path / "net.pt", Fixed(), 2)
    extractor = TorchScriptExtractor(path, image_size=8, batch_size=2)
    torch.testing.assert_close(extractor(images), Extractor(Fixed(), image_size=8)(images))
    with pytest.raises(ValueError, match=r"net\.pt to embed images of shape \(5, 3, 8, 8\), got RuntimeError: shape"):
        TorchScriptExtractor(path, image_size=8)(images)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Narrow(), r"net\.pt to embed images of shape \(1, 3, 8, 8\), got RuntimeError: .*cannot be multiplied"),
        (Pair(), r"embeddings \(B, D\) of .*net\.pt, got tuple for images of shape \(1, 3, 8, 8\)"),
        (Alone(), r"embeddings \(B, D\) of .*net\.pt, got \(3,\) for images of shape \(1, 3, 8, 8\)"),
    ],
)
def test_a_file_that_fails_at_work_is_said_in_one_line(network: nn.Module, message: str, tmp_path: Path) -> None:
    extractor = TorchScriptExtractor(script(tmp_path / "net.pt", network), image_size=8)
    with pytest.raises(ValueError, match=message) as refused:
        extractor(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", [TorchScriptExtractor, OnnxExtractor])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"<html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_a_file_of_another_kind_is_told(kind: Any, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(content)
    with pytest.raises(ValueError, match=f"a file of a network, got .*net: {message}"):
        kind(str(tmp_path / "net"), image_size=8)


@pytest.mark.parametrize("model_name", ["vit_tiny_patch16_224", "xcit_nano_12_p16_224"])
def test_a_transformer_takes_another_size_than_its_own(model_name: str) -> None:
    extractor = TimmExtractor(model_name, image_size=32)
    assert extractor(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).ndim == 2


def test_a_transformers_weights_of_its_own_size_are_interpolated_and_those_of_another_fit(tmp_path: Path) -> None:
    import timm

    path = str(tmp_path / "net.pth")
    torch.save(timm.create_model("vit_tiny_patch16_224", depth=1).state_dict(), path)
    resized = TimmExtractor("vit_tiny_patch16_224", weights=path, image_size=32, options={"depth": 1})
    assert resized.network.pos_embed.shape == (1, 5, 192)
    torch.save(timm.create_model("vit_tiny_patch16_224", depth=1, img_size=32).state_dict(), path)
    fits = TimmExtractor("vit_tiny_patch16_224", weights=path, options={"depth": 1, "img_size": 32})
    assert (fits.image_size, fits.network.pos_embed.shape) == (32, (1, 5, 192))


@pytest.mark.parametrize(
    ("model_name", "settings", "message"),
    [
        (
            "mixer_s16_224",
            {"image_size": 32},
            r"`image_size` that mixer_s16_224, which was built for 224, can take, got 32: AssertionError",
        ),
        (
            "resnet10t",
            {"options": {"nope": 1}},
            r"timm's resnet10t with `options` \{'nope': 1\}, got TypeError: .*nope",
        ),
    ],
)
def test_what_timm_refuses_is_said_in_one_line(model_name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        TimmExtractor(model_name, **settings)
    assert "\n" not in str(refused.value)


def test_another_number_of_channels_is_said_in_one_line() -> None:
    extractor = TimmExtractor("resnet10t", image_size=32, options={"in_chans": 1})
    with pytest.raises(
        ValueError, match=r"ResNet to embed images of shape \(2, 3, 32, 32\), got RuntimeError: .*channel"
    ):
        extractor(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))


def test_timm_weights_within_a_larger_network(tmp_path: Path) -> None:
    import timm

    inner = timm.create_model("resnet10t", num_classes=0).state_dict()
    saved = {f"backbone.{name}": tensor for name, tensor in inner.items()}
    torch.save({"model": {**saved, "head.weight": torch.zeros(2)}}, tmp_path / "net.pth")
    extractor = TimmExtractor("resnet10t", weights=str(tmp_path / "net.pth"), image_size=32)
    assert all(torch.equal(extractor.network.state_dict()[name], tensor) for name, tensor in inner.items())


def test_refuses_settings() -> None:
    with pytest.raises(ValueError, match="`image_size` of at least 1, got 0"):
        Extractor(Means(), image_size=0)
    with pytest.raises(ValueError, match="`batch_size` of at least 1, got 0"):
        Extractor(Means(), image_size=8, batch_size=0)
    with pytest.raises(ValueError, match=r"`model_name` in timm\.list_models"):
        TimmExtractor("resnet1")
