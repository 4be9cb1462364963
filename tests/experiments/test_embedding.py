"""Embeddings: each distinct image once, in the source's order, from the cache where weights and pixels are the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datamodules.errors import DataError
from experiments.embedding import Extraction, embed
from lightning_modules import SegmentationModule
from lightning_modules.extractors import Extractor
from lightning_modules.networks import FCN8s, Normalize
from tests.helpers.doubles import PlainSource


class Level(nn.Module):
    """Embeds an image as its level and a weight; counts the images that it has seen."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        level = x.mean((1, 2, 3))
        return torch.stack([level, self.weight.expand(len(x))], 1)


class Repeating(PlainSource):
    """Shows three levels again and again."""

    def image(self, index: int) -> NDArray[np.uint8]:
        return super().image(index % 3)


def extraction(weight: float = 1.0, **settings: Any) -> Extraction:
    module = Extractor(Level(weight), image_size=16, normalize=Normalize([0.0] * 3, [1.0] * 3), **settings)
    return Extraction(module, 16, "level")


def run(source: PlainSource, what: Extraction, cache: Path | None = None) -> NDArray[np.float32]:
    options = {"accelerator": "cpu", "enable_progress_bar": False}
    return embed(what, source, cache=cache, batch_size=4, trainer_options=options)


def seen(what: Extraction) -> int:
    network: Any = what.module.network
    return int(network.seen)


def test_rows_are_in_the_sources_order() -> None:
    found = run(PlainSource([5, 4]), extraction(2.0))
    np.testing.assert_allclose(found, np.stack([np.arange(9), np.full(9, 2.0)], 1))
    assert found.dtype == np.float32


def test_an_image_that_comes_again_is_embedded_once() -> None:
    what = extraction()
    found = run(Repeating([7]), what)
    assert found[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert seen(what) == 3


def test_what_was_embedded_before_is_kept(tmp_path: Path) -> None:
    first = run(PlainSource([5]), extraction(), tmp_path)
    what = extraction()
    assert np.array_equal(run(PlainSource([5]), what, tmp_path), first)
    assert seen(what) == 0
    more = run(PlainSource([9]), what, tmp_path)  # another protocol with five of these images
    assert more[:, 0].tolist() == list(range(9))
    assert seen(what) == 4


@pytest.mark.parametrize("left", [0, 40, -40])
def test_a_damaged_file_is_made_again(left: int, tmp_path: Path) -> None:
    first = run(PlainSource([5]), extraction(), tmp_path)
    (kept,) = tmp_path.rglob("*.npz")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:left])
    what = extraction()
    assert np.array_equal(run(PlainSource([5]), what, tmp_path), first)
    assert seen(what) == 5
    assert kept.read_bytes() == whole


@pytest.mark.parametrize("other", [extraction(2.0), extraction(bgr=True)], ids=["weights", "preprocessing"])
def test_other_weights_or_preprocessing_are_embedded_anew(other: Extraction, tmp_path: Path) -> None:
    run(PlainSource([5]), extraction(), tmp_path)
    run(PlainSource([5]), other, tmp_path)
    assert seen(other) == 5


def test_refuses_embeddings_that_are_not_finite() -> None:
    class Broken(Level):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).masked_fill(x.mean((1, 2, 3))[:, None] == 3, torch.nan)

    module = Extractor(Broken(), image_size=16, normalize=Normalize([0.0] * 3, [1.0] * 3))
    with pytest.raises(DataError, match=r"^image-3: expected a finite embedding, got NaN or infinity \(1 images\)"):
        run(PlainSource([5]), Extraction(module, 16, "broken"))


def test_refuses_a_module_that_embeds_nothing() -> None:
    network = FCN8s(0.125, fully_connected_dim=8, dropout=0.0)
    with pytest.raises(DataError, match="a module that embeds faces, got SegmentationModule"):
        run(PlainSource([5]), Extraction(SegmentationModule(network), 32, "os"))


def test_an_image_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DataError, match="image-2: expected an image, got noise"):
        run(PlainSource([5], broken=[2]), extraction())
