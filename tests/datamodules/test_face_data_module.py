"""The data module: disjoint identities, the same data for any number of workers, bad images found before training."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser

from datamodules import FaceBatch, FaceDataModule, IdentityBatches, ImageChecks, Loading, SplitSettings
from datamodules.errors import DataError
from datamodules.occluders import NoisePatch, OccluderMixture, OcclusionMap, StrategicPlacement, UniformPlacement
from datamodules.occluders.occluder import Occluded
from datamodules.seams.face_source import Landmarks, UInt8Image
from tests.helpers.doubles import PlainSource, RandomSquare

COUNTS = [12] * 8


def faces(source: PlainSource | None = None, **settings: Any) -> FaceDataModule:
    mixture = OccluderMixture({"square": RandomSquare()}, {"square": 1.0})
    defaults = {
        "training_occluder": mixture,
        "evaluation_occluders": mixture,
        "image_size": 32,
        "loading": Loading(batch_size=8, num_workers=0),
        "split": SplitSettings(min_images=10, num_unseen=3),
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
    alone, helped = (
        batches(faces(loading=Loading(batch_size=8, num_workers=workers)), split, epoch=2) for workers in (0, 2)
    )
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
    data = faces(PlainSource(COUNTS, broken=[17, 40]), checks=ImageChecks(on_bad_image="skip"))
    assert "2 unusable images left out" in data.describe()
    assert not {17, 40} & set(
        values(data, "train", "index") + values(data, "val", "index") + values(data, "test", "index")
    )


def test_identity_batches_are_p_identities_of_k_images_whatever_the_batch_size() -> None:
    data = faces(identity_batches=IdentityBatches(identities=3, images=4))
    epoch = batches(data, "train")
    assert len(epoch) == len(data.train_dataloader()) == 3  # 5 identities with 11 images: 10 groups of 4
    for batch in epoch:
        assert sorted(Counter(batch["identity"].tolist()).values()) == [4, 4, 4]
        assert len(set(batch["index"].tolist())) == 12
    assert data.describe().endswith("; batches of 3 identities × 4 images")


def test_processes_share_an_identity_batch() -> None:
    data = faces(identity_batches=IdentityBatches(identities=4, images=2))
    (alone, *_), parts = batches(data, "train"), []
    for rank in range(2):
        data.trainer = SimpleNamespace(training=False, world_size=2, global_rank=rank)  # type: ignore[assignment]  # all that is read
        parts.append(batches(data, "train")[0])
    assert torch.equal(torch.cat([part["image"] for part in parts]), alone["image"])


def test_identities_of_one_training_image_are_left_out_and_told() -> None:
    counts = [12] * 5 + [2] * 4  # of two images, one is kept for validation
    data = faces(
        PlainSource(counts),
        split=SplitSettings(min_images=2, num_unseen=2),
        identity_batches=IdentityBatches(identities=2, images=2),
    )
    alone = np.count_nonzero(np.bincount(data.source.identities[data.split.train]) == 1)
    assert data.describe().endswith(
        f"; batches of 2 identities × 2 images; {alone} identities of one training image left out"
    )


def test_fewer_identities_than_a_batch_has_are_refused_before_training() -> None:
    with pytest.raises(DataError, match=r"at least 6 identities of at least 2 training images, .*, got 5"):
        faces(identity_batches=IdentityBatches(identities=6))


def test_groups_of_settings_are_set_from_yaml() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(FaceDataModule, "data")
    config = """
    data:
      source: {class_path: datamodules.sources.SyntheticFaces, init_args: {num_identities: 8, images_per_identity: 3}}
      split: {min_images: 3, num_unseen: 2}
      loading: {num_workers: 0}
      checks: {check_images: false}
      identity_batches: {identities: 5}
    """
    data = parser.instantiate(parser.parse_string(config)).data
    assert data.batches.groups == IdentityBatches(identities=5, images=4)
    assert data.loading == Loading(batch_size=64, evaluation_batch_size=256, num_workers=0)
    assert data.num_classes == 6
    assert "not looked for" in data.describe()


def test_refuses_images_without_a_size() -> None:
    with pytest.raises(ValueError, match="`image_size` of at least 1, got 0"):
        faces(image_size=0)


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


class Nothing:
    """Says that it drew nothing, whether or not it did."""

    def __init__(self, covers: bool) -> None:
        self.covers = covers

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        return Occluded(image.copy(), np.full(image.shape[:2], self.covers, np.uint8), "none")


def test_conditions_are_the_mixtures_names_whatever_its_occluders_say() -> None:
    mixture = OccluderMixture(
        {"small": RandomSquare(), "large": RandomSquare(), "missed": Nothing(covers=False)}, {"small": 1.0}
    )
    data = faces(evaluation_occluders=mixture)
    seen = Counter(name for batch in batches(data, "test") for name in batch["occluder"])
    assert seen == dict.fromkeys(("none", "small", "large", "missed"), len(data.split.unseen))


@pytest.mark.parametrize("name", ["clean", "occluded", "mean", "false_alarm", "cup/left", "..\\cup", "", " ", "a\nb"])
def test_a_condition_is_not_named_as_something_else(name: str) -> None:
    mixture = OccluderMixture({name: RandomSquare()}, {name: 1.0})
    with pytest.raises(ValueError, match="Expected conditions named"):
        faces(evaluation_occluders=mixture)
    faces(training_occluder=mixture)  # its names are nobody's


def test_a_batch_says_what_its_images_are_called() -> None:
    batch = batches(faces(), "test")[0]
    assert batch["name"] == [f"image-{index}" for index in batch["index"].tolist()]


def test_what_covers_a_face_cannot_call_it_clean() -> None:
    mixture = OccluderMixture({"liar": Nothing(covers=True)}, {"liar": 1.0})
    with pytest.raises(DataError, match=r"^image-\d+: expected an occluder with a category other than 'none'"):
        batches(faces(training_occluder=mixture), "val")
