"""TorchScript files: programs that take any number of images or one, and return what they like."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.extractors import Extractor, TorchScriptExtractor
from lightning_modules.networks import fingerprint
from tests.helpers.onnx_files import Means


@pytest.fixture
def images() -> Tensor:
    return torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def script(path: Path, network: nn.Module) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since torch 2.9
        torch.jit.save(torch.jit.script(network), str(path))
    return str(path)


def trace(path: Path, network: nn.Module, number: int) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated since torch 2.9
        traced = torch.jit.trace(network, torch.zeros(number, 3, 8, 8))  # type: ignore[no-untyped-call]  # torch's
        torch.jit.save(traced, str(path))
    return str(path)


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


def test_torchscript_file(images: Tensor, tmp_path: Path) -> None:
    extractor = TorchScriptExtractor(script(tmp_path / "net.pt", Means()), image_size=8)
    torch.testing.assert_close(extractor(images), Extractor(Means(), image_size=8)(images))
    other = TorchScriptExtractor(script(tmp_path / "other.pt", nn.Flatten()), image_size=8)
    assert fingerprint(extractor.state_dict()) != fingerprint(other.state_dict())


def test_refuses_a_torchscript_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"Expected a TorchScript file, got .*net\.pt"):
        TorchScriptExtractor(str(tmp_path / "net.pt"), image_size=8)


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
        (
            Pair(),
            r"embeddings \(B, D\) of .*net\.pt, got 0 \(1, 3, 8, 8\), 1 \(1, 3, 8, 8\) for images of shape",
        ),
        (Alone(), r"embeddings \(B, D\) of .*net\.pt, got \(3,\) for images of shape \(1, 3, 8, 8\)"),
    ],
)
def test_a_file_that_fails_at_work_is_said_in_one_line(network: nn.Module, message: str, tmp_path: Path) -> None:
    extractor = TorchScriptExtractor(script(tmp_path / "net.pt", network), image_size=8)
    with pytest.raises(ValueError, match=message) as refused:
        extractor(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    assert "\n" not in str(refused.value)


class Normed(nn.Module):
    """Returns an embedding of length 1 and how long it was, as AdaFace does."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = x.mean((2, 3))
        norm = features.square().sum(1, keepdim=True).sqrt()
        return features / norm, norm


def test_a_norm_beside_the_embedding_is_its_quality(images: Tensor, tmp_path: Path) -> None:
    extractor = TorchScriptExtractor(script(tmp_path / "net.pt", Normed()), image_size=8)
    said = extractor.predict_step({"image": images}, 0)  # type: ignore[typeddict-item]  # all it reads
    features = extractor.normalize(images).mean((2, 3))
    torch.testing.assert_close(said["embedding"] * said["quality"][:, None], features)
