"""Embeddings: each distinct image once, in the source's order, from the cache where weights and pixels are the same."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datamodules.errors import DataError
from experiments.evaluation.embedding import embed
from experiments.evaluation.face_outputs import Computing, Extraction
from lightning_modules import SegmentationModule, SOIDNModule
from lightning_modules.extractors import Extractor, TimmExtractor
from lightning_modules.extractors.file_network import FileNetwork
from lightning_modules.networks import SOIDN, FCN8s, Normalize, PooledHead, VGG16Trunk
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
    return embed(what, source, Computing(batch_size=4, trainer_options=options), cache=cache)


def seen(what: Extraction) -> int:
    network: Any = what.module.network
    return int(network.seen)


def test_rows_are_in_the_sources_order() -> None:
    found = run(PlainSource([5, 4]), extraction(2.0))
    np.testing.assert_allclose(found, np.stack([np.arange(9), np.full(9, 2.0)], 1))
    assert found.dtype == np.float32


class Qualified(nn.Module):
    """Embeds as :class:`Level` does, and says that an image is the better the brighter it is."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        embedding = Level()(x)
        return {"embedding": embedding, "quality": embedding[:, :1]}


def test_the_quality_that_a_network_says_is_the_length_of_its_embedding() -> None:
    module = Extractor(Qualified(), image_size=16, normalize=Normalize([-1.0] * 3, [1.0] * 3))
    found = run(PlainSource([3]), Extraction(module, 16, "qualified"))
    level = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 2, 3], rtol=1e-6)
    np.testing.assert_allclose(found, level / np.linalg.norm(level, axis=1, keepdims=True) * level[:, :1], rtol=1e-6)


def test_a_quality_that_nothing_can_be_weighted_by_is_refused() -> None:
    module = Extractor(Qualified(), image_size=16, normalize=Normalize([0.0] * 3, [1.0] * 3))  # black is 0
    with pytest.raises(DataError, match="Expected qualities of embeddings above 0, got 0"):
        run(PlainSource([3]), Extraction(module, 16, "qualified"))


def test_a_model_that_has_run_is_the_same_model() -> None:
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    what = Extraction(Extractor(network, image_size=16), 16, "plain")
    before = what.key
    run(PlainSource([3]), what)
    assert what.key == before


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


class Settled(Level):
    """Level with a setting that is no parameter and shows in no ``repr``."""

    def __init__(self, setting: Any = None) -> None:
        super().__init__()
        self.setting = setting


class LikeLevel(Level):
    """Other code with the same weights."""


def settled(setting: Any) -> Extraction:
    return Extraction(Extractor(Settled(setting), image_size=16), 16, "settled")


def normalized(mean: float, std: float, **settings: Any) -> Extraction:
    return Extraction(Extractor(Level(), image_size=16, normalize=Normalize([mean] * 3, [std] * 3)), 16, "level")


@pytest.mark.parametrize(
    "other",
    [
        extraction(2.0),
        extraction(bgr=True),
        extraction(flip=True),
        extraction(batch_size=2),
        normalized(1.0, 1.0),
        normalized(0.0, 2.0),
        Extraction(extraction().module, 17, "level"),
        Extraction(Extractor(LikeLevel(), image_size=16, normalize=Normalize([0.0] * 3, [1.0] * 3)), 16, "level"),
    ],
    ids=["weights", "bgr", "flip", "batch_size", "mean", "std", "image_size", "class"],
)
def test_other_weights_settings_or_preprocessing_are_embedded_anew(other: Extraction, tmp_path: Path) -> None:
    run(PlainSource([5]), extraction(), tmp_path)
    run(PlainSource([5]), other, tmp_path)
    assert seen(other) >= 5


@dataclass(frozen=True, slots=True)
class Slots:
    value: float


SETTINGS: list[Callable[[], Any]] = [
    lambda: None,
    lambda: 0.5,
    lambda: "avg",
    lambda: "max",
    lambda: [1, 2],
    lambda: [2, 1],
    lambda: {"mask_positions": (1,), "temperature": 2.0},
    lambda: {"mask_positions": (2,), "temperature": 2.0},
    lambda: {"b", "a", "c"},
    lambda: torch.zeros(2),
    lambda: torch.zeros(3),
    lambda: np.ones(2),
    lambda: torch.float16,
    lambda: partial(torch.clamp, min=0),
    lambda: partial(torch.clamp, min=1),
    lambda: lambda x: x + 1,
    lambda: lambda x: x + 2,
    lambda: Slots(1.0),
    lambda: Slots(2.0),
    lambda: SimpleNamespace(pool=SimpleNamespace(kind="avg")),
    lambda: SimpleNamespace(pool=SimpleNamespace(kind="max")),
    lambda: [nn.AvgPool2d(2)],  # no registered part
    lambda: [nn.AvgPool2d(3)],
    lambda: lambda x: x.relu(),
    lambda: lambda x: x.sigmoid(),
    lambda: lambda x: x.mean((1, 2)),
    lambda: lambda x: x.mean((2, 3)),
    lambda: lambda x: sorted(x, key=lambda y: y + 1),
    lambda: lambda x: sorted(x, key=lambda y: y + 2),
    lambda: Slots(1.0).__eq__,
    lambda: Slots(2.0).__eq__,
    lambda: lambda x: x * SCALE,
]
SCALE = 2.0


def test_every_setting_of_a_network_counts_and_nothing_else_does() -> None:
    keys = [[settled(setting()).key for setting in SETTINGS] for _ in range(2)]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == len(SETTINGS)


def test_values_of_a_module_that_a_setting_reads_and_hooks_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        return settled(SETTINGS[-1]()).key

    before = key()
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert key() != before
    keys = set()
    for factor in (1.0, 2.0):
        network = Settled()
        network.register_forward_hook(lambda module, args, output, factor=factor: output * factor)
        keys.add(Extraction(Extractor(network, image_size=16), 16, "hooked").key)
    assert len(keys) == 2


@pytest.mark.parametrize("setting", [{"global_pool": "max"}, {"output_stride": 16}])
def test_timm_models_of_the_same_weights_and_other_options_are_told_apart(setting: dict[str, Any]) -> None:
    keys = set()
    for options in ({}, setting):
        torch.manual_seed(0)
        keys.add(Extraction(TimmExtractor("resnet10t", image_size=32, options=options), 32, "net").key)
    assert len(keys) == 2


@pytest.mark.parametrize(
    "setting",
    [{"mask_positions": [3]}, {"mask_positions": [1, 3]}, {"mask_source": "scores"}],
)
def test_soidns_of_the_same_weights_and_other_masks_are_told_apart(setting: dict[str, Any]) -> None:
    def key(**settings: Any) -> str:
        settings = {"mask_positions": [2], **settings}
        network = SOIDN(VGG16Trunk(0.125), FCN8s(0.125), PooledHead, 32, **settings)
        module = SOIDNModule(network, 3)
        for weight in module.parameters():
            weight.data.fill_(1.0)
        return Extraction(module, 32, "soidn").key

    assert key(**setting) != key()
    assert key() == key()


def test_another_precision_is_embedded_anew_and_another_name_of_one_is_not(tmp_path: Path) -> None:
    source = PlainSource([5])
    for precision, expected in ((None, 5), ("32-true", 0), (32, 0), ("bf16-mixed", 5), ("bf16-mixed", 0)):
        what = extraction()
        options = {"accelerator": "cpu", "enable_progress_bar": False, "precision": precision}
        embed(what, source, Computing(trainer_options=options), cache=tmp_path)
        assert seen(what) == expected


def test_what_a_file_refers_to_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Referring(FileNetwork):
        def companions(self, path: Path) -> list[Path]:
            return [path.with_suffix(".data")]

    (tmp_path / "net.onnx").write_bytes(b"structure")
    keys = set()
    for content in (b"one", b"two"):
        (tmp_path / "net.data").write_bytes(content)
        network = Referring(str(tmp_path / "net.onnx"))
        keys.add(Extraction(Extractor(network, image_size=8), 8, "net").key)
    assert len(keys) == 2


@pytest.mark.parametrize("damage", ["empty", "half", "nan", "other"])
def test_what_was_kept_and_is_damaged_is_embedded_again(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = run(PlainSource([5]), extraction(), tmp_path)
    (kept,) = tmp_path.rglob("*.npz")
    if damage in ("empty", "half"):
        kept.write_bytes(kept.read_bytes()[: 0 if damage == "empty" else 300])
    else:
        with np.load(kept) as file:
            digests, rows = file["digests"], file["embeddings"]
        rows[2, 0] = np.nan
        np.savez(kept, **({"digests": digests, "embeddings": rows} if damage == "nan" else {"rows": rows}))
    assert np.array_equal(run(PlainSource([5]), extraction(), tmp_path), expected)
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"warning: Expected a file of kept embeddings, got {kept}: ") for line in said] == [True]
    what = extraction()
    assert np.array_equal(run(PlainSource([5]), what, tmp_path), expected)  # and kept anew
    assert seen(what) == 0


def test_embeddings_that_cannot_be_kept_are_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    found = run(PlainSource([5]), extraction(), tmp_path / "file")
    assert capsys.readouterr().err.endswith("5 embeddings could not be kept: Not a directory\n")
    assert found[:, 0].tolist() == [0, 1, 2, 3, 4]


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


class Told(Level):
    """Is told to end at its first batch."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.seen:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().forward(x)


def test_a_process_that_is_told_to_end_embeds_no_further_batch(capsys: pytest.CaptureFixture[str]) -> None:
    module = Extractor(Told(), image_size=16, normalize=Normalize([0.0] * 3, [1.0] * 3))
    with pytest.raises(SystemExit) as ended:
        run(PlainSource(range(20)), Extraction(module, 16, "told"))
    assert ended.value.code == 128 + signal.SIGTERM
    assert seen(Extraction(module, 16, "told")) == 4
