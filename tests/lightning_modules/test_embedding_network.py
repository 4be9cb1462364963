"""Every module and extractor says what network embeds, so that it can be traced: the embeddings are its own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules import ClassifierModule, SegmentationModule, SOIDNModule, TripletModule
from lightning_modules.embedding_network import EmbeddingNetwork
from lightning_modules.extractors import Extractor, OnnxExtractor
from lightning_modules.networks import AveragePoolHead, FaceNet, FCN8s, Normalize, PooledHead, SharedSOIDN, VGG16Trunk
from tests.helpers.onnx_faces import face_file

IMAGES = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def trunk() -> VGG16Trunk:
    return VGG16Trunk(0.125, batch_norm=True)


def embedded(module: Any) -> Tensor:
    module.eval()
    with torch.no_grad():
        result: Tensor = module.embedding_network()(module.pixels(IMAGES))
    return result


@pytest.mark.parametrize("kind", [ClassifierModule, SOIDNModule])
def test_a_module_s_embedding_network_makes_its_embeddings(kind: Any) -> None:
    soidn = SharedSOIDN(trunk(), lambda shape: PooledHead(shape, embedding_dim=16), 32)
    module = kind(soidn if kind is SOIDNModule else FaceNet(trunk(), AveragePoolHead, 32), 5)
    assert_close(embedded(module), module(IMAGES))


def test_that_of_triplets_leaves_their_length_to_whoever_compares() -> None:
    module = TripletModule(FaceNet(trunk(), AveragePoolHead, 32), 5)
    assert_close(nn.functional.normalize(embedded(module)), module(IMAGES))


class _Several(nn.Module):
    def __init__(self, as_tuple: bool) -> None:
        super().__init__()
        self.as_tuple = as_tuple
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: Tensor) -> Any:
        embedding = self.layers(x)
        return (x.mean((1, 2, 3)), embedding) if self.as_tuple else {"fc1": embedding, "norm": x.mean((1, 2, 3))}


@pytest.mark.parametrize("as_tuple", [True, False])
@pytest.mark.parametrize(
    "settings", [{}, {"flip": True}, {"bgr": True}, {"batch_size": 2}, {"normalize": Normalize([0.0] * 3, [9.0] * 3)}]
)
def test_an_extractor_s_embedding_network_makes_its_embeddings(settings: Any, as_tuple: bool) -> None:
    extractor = Extractor(_Several(as_tuple), image_size=32, **settings)
    assert_close(embedded(extractor), extractor(IMAGES))
    assert extractor.is_program == ("batch_size" in settings)
    assert isinstance(extractor.embedding_network(), EmbeddingNetwork) != extractor.is_program


def test_a_program_in_a_file_is_run_as_it_is(tmp_path: Path) -> None:
    extractor = OnnxExtractor(str(face_file(tmp_path / "face.onnx")))
    assert extractor.is_program
    assert_close(embedded(extractor), extractor(IMAGES))


def test_what_segments_alone_embeds_nothing() -> None:
    class Segments(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"occluder_probability": x.sigmoid().mean(1)}

    with pytest.raises(
        ValueError, match=r"Expected a network that embeds images of shape \(1, 3, 32, 32\), got .*alone"
    ):
        Extractor(Segments(), image_size=32).embedding_network()


def test_a_segmentation_s_network_is_refused_when_it_is_asked_to_embed() -> None:
    module = SegmentationModule(FCN8s(width=0.125, fully_connected_dim=8))
    with pytest.raises(ValueError, match="Expected a network that embeds images, got SegmenterOutput of FCN8s"):
        embedded(module)
