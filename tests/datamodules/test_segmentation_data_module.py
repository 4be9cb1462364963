"""Labelled photographs as training data: their maps stay, what is drawn covers more, people stay in one part."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import FaceBatch, ImageChecks, ImageShares, Loading, SegmentationDataModule
from datamodules.errors import DataError
from datamodules.image_split import split_images
from datamodules.occluders import OccluderMixture
from datamodules.seams.label_maps import resized_labels
from datamodules.sources import COFW
from lightning_modules.networks import Classifier
from tests.helpers.doubles import RandomSquare
from tests.helpers.labelled_sets import face_and_bar, write_masks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_masks(tmp_path / "COFW", 20)


def photographs(root: Path, **settings: Any) -> SegmentationDataModule:
    defaults = {"image_size": 32, "loading": Loading(batch_size=4, num_workers=0)}
    return SegmentationDataModule(COFW(root), **{**defaults, **settings})


def batches(data: SegmentationDataModule, split: str) -> list[FaceBatch]:
    return list(getattr(data, f"{split}_dataloader")())


def test_batches_have_the_photographs_own_maps_and_say_what_is_covered(root: Path) -> None:
    data = photographs(root)
    seen = []
    for split in ("train", "val", "test"):
        for batch in batches(data, split):
            for row, index in enumerate(batch["index"].tolist()):
                expected = resized_labels(data.source.label_map(index), 32)  # type: ignore[attr-defined]  # it has
                assert np.array_equal(batch["mask"][row].numpy(), expected)
                assert batch["occluder"][row] == ("real" if face_and_bar(index + 1)[2].any() else "none")
                seen.append(index)
    assert len(set(seen)) == len(seen) >= 18  # the last training batch may be dropped
    assert "training on 14 labelled images, validating on 2 and evaluating on 4 others" in data.describe()


def test_what_is_drawn_covers_more_and_takes_nothing_away(root: Path) -> None:
    square = OccluderMixture({"square": RandomSquare()}, {"square": 1.0})
    plain, covered = photographs(root), photographs(root, evaluation_occluders=square)
    own = {int(i): mask for b in batches(plain, "test") for i, mask in zip(b["index"], b["mask"], strict=True)}
    drawn = [batch for batch in batches(covered, "test") if "square" in batch["occluder"]]
    assert drawn
    for batch in drawn:
        for row, index in enumerate(batch["index"].tolist()):
            if batch["occluder"][row] == "square":
                changed = batch["mask"][row] != own[index]
                assert (batch["mask"][row][changed] == 1).all()
                assert (batch["mask"][row] == 1).sum() >= 64
                assert (batch["mask"][row][own[index] == 1] == 1).all()


def test_a_broken_mask_stops_before_training_or_is_left_out(root: Path) -> None:
    (root / "mask/0007.png").write_bytes(b"no mask")
    with pytest.raises(DataError, match=r"0007\.png: expected a"):
        photographs(root)
    data = photographs(root, checks=ImageChecks(on_bad_image="skip"))
    assert "1 unusable images left out" in data.describe()


def test_people_are_in_one_part_alone() -> None:
    people = np.random.default_rng(0).integers(0, 30, 200)
    split = split_images(people, ImageShares(0.2, 0.3), seed=1)
    parts = [set(people[images].tolist()) for images in split[:3]]
    assert sorted(len(part) for part in parts) == [6, 9, 15]
    assert len(set.union(*parts)) == 30
    assert sorted(np.concatenate(split[:3]).tolist()) == list(range(200))
    assert [len(part) for part in split_images(np.arange(4), ImageShares(), seed=0)[:3]] == [2, 1, 1]
    assert not np.array_equal(split.unseen, split_images(people, ImageShares(0.2, 0.3), seed=2).unseen)


def test_refuses_too_few_images_shares_that_leave_nothing_and_networks_that_classify(root: Path) -> None:
    with pytest.raises(DataError, match="Expected at least 4 images of different people to split, got 3"):
        split_images(np.array([0, 0, 1, 2]), ImageShares())
    for shares, said in (
        ((0.0, 0.2), r"`validation` in \(0, 1\), got 0\.0"),
        ((0.5, 0.5), r"below 1 together, got 1\.0"),
    ):
        with pytest.raises(ValueError, match=said):
            ImageShares(*shares)
    with pytest.raises(ValueError, match="Expected data of identities to classify, got 0 identities"):
        Classifier(8, photographs(root).num_classes)


def test_loading_processes_change_nothing(root: Path) -> None:
    alone, helped = (batches(photographs(root, loading=Loading(batch_size=4, num_workers=n)), "val") for n in (0, 1))
    assert torch.equal(alone[0]["mask"], helped[0]["mask"])
