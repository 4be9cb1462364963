"""Segmenters of others: their numbers become the probability of an occluder, or are refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.extractors import OnnxExtractor
from lightning_modules.extractors.extractor import Extractor
from lightning_modules.extractors.occluder_output import OccluderOutput
from tests.helpers.onnx_files import SIDE, write_means


class Maps(nn.Module):
    """Returns given maps, whatever it is shown."""

    def __init__(self, *maps: Tensor) -> None:
        super().__init__()
        self.maps = maps

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(one[: len(x)] for one in self.maps)


LOGITS = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
IMAGES = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)


def probability(*maps: Tensor, **settings: Any) -> Tensor:
    extractor = Extractor(Maps(*maps), image_size=8, occluder=OccluderOutput(**settings))
    said = extractor.outputs(IMAGES)
    assert torch.equal(said["segmentation"], (said["occluder_probability"] > 0.5).byte())
    assert "embedding" not in said
    return said["occluder_probability"]


def test_logits_and_probabilities_of_one_class_and_of_several_say_the_same() -> None:
    expected = LOGITS.softmax(1)[:, 2]
    assert torch.allclose(probability(LOGITS, channel=2), expected)
    assert torch.allclose(probability(LOGITS.softmax(1), channel=2, logits=False), expected)
    assert torch.allclose(probability(LOGITS[:, :1]), LOGITS[:, 0].sigmoid())
    assert torch.allclose(probability(LOGITS[:, 0]), LOGITS[:, 0].sigmoid())
    assert torch.allclose(probability(LOGITS[:, 0].sigmoid(), logits=False), LOGITS[:, 0].sigmoid())


def test_what_is_no_visible_face_is_an_occluder() -> None:
    face = probability(LOGITS, channel=0)
    assert torch.allclose(probability(LOGITS, channel=0, marks_face=True), 1 - face)


def test_maps_of_another_size_are_resized() -> None:
    assert torch.allclose(probability(torch.full((2, 1, 4, 4), 3.0)), torch.tensor(3.0).sigmoid().expand(2, 8, 8))


def test_of_several_maps_one_is_named() -> None:
    other = torch.zeros(2, 1, 2, 2)
    assert torch.equal(probability(LOGITS[:, :1], other, output=0), probability(LOGITS[:, :1]))
    for settings in ({}, {"output": "masks"}):
        with pytest.raises(ValueError, match=r"Expected one.* among the maps \(B, H, W\) or \(B, C, H, W\) of Maps"):
            probability(LOGITS[:, :1], other, **settings)


def test_refuses_channels_that_are_not_there_and_logits_taken_for_probabilities() -> None:
    with pytest.raises(ValueError, match="Expected `channel` below 3, the classes of Maps, got 3"):
        probability(LOGITS, channel=3)
    with pytest.raises(ValueError, match=r"Expected probabilities of Maps in \[0, 1\], got others; are they `logits`"):
        probability(LOGITS, logits=False)
    with pytest.raises(ValueError, match="Expected `channel` of at least 0, got -1"):
        OccluderOutput(channel=-1)


def test_an_onnx_file_segments_by_an_output_of_any_name(tmp_path: Path) -> None:
    path = write_means(tmp_path / "maps.onnx", outputs=["map"])
    images = torch.randint(256, (3, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    extractor = OnnxExtractor(path, occluder=OccluderOutput(channel=0))
    expected = ((images.float() - 127.5) / 127.5).softmax(1)[:, 0]
    assert torch.allclose(extractor.outputs(images)["occluder_probability"], expected, atol=1e-5)
    with pytest.raises(ValueError, match="Expected embeddings"):
        OnnxExtractor(path)
