"""Any timm model: its own preprocessing, weights from files, what it refuses in one line."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.extractors import TimmExtractor
from lightning_modules.networks import IMAGENET_MEAN, IMAGENET_STD


@pytest.fixture
def images() -> Tensor:
    return torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


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
