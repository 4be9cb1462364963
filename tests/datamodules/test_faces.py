"""The data module: disjoint people, the same data for any number of workers, bad images found before training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import FaceBatch, FaceDataModule
from datamodules.errors import DataError
from datamodules.occluders import NoisePatch, OccluderMixture, OcclusionMap, StrategicPlacement, UniformPlacement
from tests.helpers.doubles import PlainSource, RandomSquare

COUNTS = [12] * 8


def faces(source: PlainSource | None = None, **settings: Any) -> FaceDataModule:
    mixture = OccluderMixture({"square": RandomSquare()}, {"square": 1.0})
    defaults = {
        "training_occluder": mixture,
        "evaluation_occluders": mixture,
        "image_size": 32,
        "batch_size": 8,
        "num_workers": 0,
        "min_images": 10,
        "num_unseen": 3,
    }
    return FaceDataModule(source or PlainSource(COUNTS), **{**defaults, **settings})


def batches(data: FaceDataModule, split: str, epoch: int = 0) -> list[FaceBatch]:
    loader = getattr(data, f"{split}_dataloader")()
    if hasattr(loader.sampler, "set_epoch"):
        loader.sampler.set_epoch(epoch)
    return list(loader)


def values(data: FaceDataModule, split: str, key: str) -> list[int]:
    return [value for batch in batches(data, split) for value in batch[key].tolist()]  # type: ignore[literal-required]  # a test's parameter


def test_classes_are_the_training_identities() -> None:
    data = faces()
    assert data.num_classes == 5
    assert set(values(data, "train", "identity")) == set(values(data, "val", "identity")) == set(range(5))


def test_test_loader_shows_each_unseen_face_clean_and_under_each_occluder() -> None:
    data = faces()
    seen: dict[str, set[int]] = {}
    for batch in batches(data, "test"):
        for name, index in zip(batch["occluder"], batch["index"].tolist(), strict=True):
            seen.setdefault(name, set()).add(index)
    assert seen == {"none": set(data.split.unseen.tolist()), "square": set(data.split.unseen.tolist())}
    assert not seen["none"] & set(values(data, "train", "index"))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_number_of_workers_is_irrelevant(split: str) -> None:
    alone, helped = (batches(faces(num_workers=workers), split, epoch=2) for workers in (0, 2))
    assert len(alone) == len(helped)
    for one, two in zip(alone, helped, strict=True):
        assert torch.equal(one["image"], two["image"])
        assert torch.equal(one["mask"], two["mask"])
        assert one["occluder"] == two["occluder"]


def test_validation_and_test_are_the_same_in_every_epoch() -> None:
    data = faces()
    for split in ("val", "test"):
        first, later = (torch.cat([b["image"] for b in batches(data, split, epoch)]) for epoch in (0, 7))
        assert torch.equal(first, later)


def test_training_differs_from_epoch_to_epoch() -> None:
    first, later = (torch.cat([b["image"] for b in batches(faces(), "train", epoch)]) for epoch in (0, 1))
    assert not torch.equal(first, later)


def test_a_bad_image_stops_before_training() -> None:
    with pytest.raises(DataError, match="image-17: expected an image"):
        faces(PlainSource(COUNTS, broken=[17]))


def test_bad_images_are_left_out_and_counted() -> None:
    data = faces(PlainSource(COUNTS, broken=[17, 40]), on_bad_image="skip")
    assert "2 unusable images left out" in data.describe()
    assert not {17, 40} & set(
        values(data, "train", "index") + values(data, "val", "index") + values(data, "test", "index")
    )


@pytest.mark.parametrize("setting", ["image_size", "batch_size", "evaluation_batch_size"])
def test_refuses_sizes(setting: str) -> None:
    with pytest.raises(ValueError, match=f"`{setting}` of at least [12], got 0"):
        faces(None, **{setting: 0})


@pytest.mark.parametrize("setting", ["training_occluder", "evaluation_occluders"])
def test_a_patch_larger_than_the_image_is_refused_before_training(setting: str) -> None:
    patch = NoisePatch((40, 20), UniformPlacement())
    rare = OccluderMixture({"square": RandomSquare(), "patch": patch}, {"square": 1.0, "patch": 1e-9})
    with pytest.raises(ValueError, match=r"at least the patch's 40 × 20 pixels .*, got one of 32 × 32"):
        faces(None, **{setting: OccluderMixture({"inner": rare}, {"inner": 1.0})})


def test_a_map_of_other_images_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "map.npz"
    blank = np.zeros((100, 100), np.float32)
    OcclusionMap(blank, (8, 8), blank[0, :3], 1, np.arange(5), "3f2a", "last.ckpt").save(path)
    patch = NoisePatch((8, 8), StrategicPlacement(path, temperature=0.25))
    with pytest.raises(DataError, match=r"map.npz: expected images of the map's 100 × 100 .*, got one of 32 × 32"):
        faces(None, training_occluder=patch)
