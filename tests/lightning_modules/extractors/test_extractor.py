"""Networks of others: raw pixels in, embeddings out, and whatever else they return."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.extractors import Extractor, TimmExtractor
from lightning_modules.networks import Normalize
from tests.helpers.onnx_files import Means


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


def test_refuses_outputs_that_are_no_embeddings(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"embeddings \(B, D\) of Identity, got \(2, 3, 8, 8\)"):
        Extractor(nn.Identity(), image_size=8)(images)


def test_refuses_settings() -> None:
    with pytest.raises(ValueError, match="`image_size` of at least 1, got 0"):
        Extractor(Means(), image_size=0)
    with pytest.raises(ValueError, match="`batch_size` of at least 1, got 0"):
        Extractor(Means(), image_size=8, batch_size=0)
    with pytest.raises(ValueError, match=r"`model_name` in timm\.list_models"):
        TimmExtractor("resnet1")


class Several(nn.Module):
    """Returns an embedding, its quality and where it sees an occluder."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        embedding = Means()(x)
        return {"occluder_probability": x[:, 0], "norm": embedding[:, :1], "v": embedding}


def test_what_comes_beside_the_embedding_is_kept(images: Tensor) -> None:
    extractor = Extractor(Several(), image_size=8, normalize=Normalize([0.0] * 3, [255.0] * 3), flip=True)
    said = extractor.test_step({"image": images}, 0)  # type: ignore[typeddict-item]  # all it reads
    x = images / 255
    torch.testing.assert_close(said["embedding"], Means()(x) + Means()(x.flip(3)))
    torch.testing.assert_close(said["quality"], Means()(x)[:, 0])
    assert torch.equal(said["segmentation"], (x[:, 0] > 0.5).byte())
