"""A converted ONNX file embeds as onnxruntime does, whatever number of images it was fixed to, or is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lightning_modules.extractors import OnnxExtractor
from lightning_modules.extractors.converted_onnx import check_alike, converted
from lightning_modules.networks import Normalize
from tests.helpers.onnx_faces import face_file
from tests.helpers.onnx_files import write_means

PIXELS = Normalize([0.0] * 3, [1.0] * 3)


def faces(number: int, side: int = 32) -> torch.Tensor:
    """Return raw images."""
    return torch.randint(256, (number, 3, side, side), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.mark.parametrize("settings", [{}, {"flip": True}, {"bgr": True}])
@pytest.mark.parametrize("images", [1, 2, "batch"])
def test_it_embeds_as_the_file_does_any_number_of_images(
    images: int | str, settings: dict[str, Any], tmp_path: Path
) -> None:
    flatten = "Flatten" if images == "batch" else "Reshape"
    path = str(face_file(tmp_path / "face.onnx", images=images, flatten=flatten))
    extractor = OnnxExtractor(path, normalize=PIXELS, **settings)
    network, given = converted(extractor), faces(5)
    with torch.no_grad():
        found = network(extractor.pixels(given))
    assert torch.allclose(found, extractor(given), atol=1e-4, rtol=1e-4)
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())


def test_what_embeds_otherwise_is_refused(tmp_path: Path) -> None:
    extractor = OnnxExtractor(str(face_file(tmp_path / "face.onnx")), normalize=PIXELS)
    network = converted(extractor)
    check_alike(network, extractor, faces(2))
    next(network.parameters()).data.mul_(1.1)
    with pytest.raises(ValueError, match=r"onnxruntime's embeddings of a converted file, within 0.001, got a diff"):
        check_alike(network, extractor, faces(2))


def test_images_with_channels_last_are_refused(tmp_path: Path) -> None:
    path = write_means(tmp_path / "last.onnx", (1, 8, 8, 3), channels_last=True)
    with pytest.raises(ValueError, match=r"Expected images \(B, C, H, W\) of an ONNX file to convert, got \(B, H, W"):
        converted(OnnxExtractor(path, normalize=PIXELS))
