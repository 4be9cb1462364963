"""A device draws what the loading processes would have drawn: label maps to the last bit, pixels but for rounding."""

from typing import Any

import cv2
import numpy as np
import pytest
import torch

from datamodules import FaceDataModule
from datamodules.augmentation import Augmentation
from datamodules.dataset import FaceDataset
from datamodules.device_drawing import DeviceDrawing
from datamodules.face_samples import collate_faces
from datamodules.loading import Loading
from datamodules.occluders import (
    Blending,
    Curriculum,
    NoisePatch,
    Occluder,
    OccluderMixture,
    TemplateMixture,
    TemplateOccluder,
    UniformPlacement,
)
from datamodules.occluders.drawn import CATEGORIES
from datamodules.sampler import Draw
from datamodules.sources import FixedLandmarks, SyntheticFaces
from datamodules.split import SplitSettings
from experiments.runs.layers import default_mixture

FACES = 48


def dataset(occluder: Occluder | None, size: int, *, on_device: bool, augmented: bool = True) -> FaceDataset:
    source = SyntheticFaces(FACES, 1, image_size=size, seed=5)
    return FaceDataset(
        source,
        np.arange(FACES),
        source.identities,
        landmarks=FixedLandmarks("arcface"),
        image_size=size,
        occluder=occluder,
        augmentation=Augmentation(flip=0.5, brightness=0.3, contrast=0.3) if augmented else None,
        on_device=on_device,
    )


def both(occluder: Occluder | None, size: int, device: torch.device | str = "cpu", **settings: Any) -> tuple[Any, Any]:
    """Return an epoch's faces as they are drawn by loading processes, and by a device."""
    here, there = (dataset(occluder, size, on_device=on_device, **settings) for on_device in (False, True))
    draws = [Draw(2, position) for position in range(FACES)]
    one, other = (collate_faces([faces[draw] for draw in draws]) for faces in (here, there))
    other["image"] = other["image"].to(device)
    return one, DeviceDrawing(occluder).finished(other)


def assert_alike(one: Any, other: Any) -> None:
    assert torch.equal(one["mask"], other["mask"])
    assert one["occluder"] == other["occluder"]
    assert "drawing" not in other
    assert other["image"].dtype == torch.uint8
    difference = (one["image"].int() - other["image"].cpu().int()).abs()
    assert int(difference.max()) <= 3  # a level of a colour, times gain and contrast
    assert float((difference > 0).float().mean()) < 0.01


MIXTURE = {**default_mixture(), "sunglasses+doctor_mask": 0.3}


@pytest.mark.parametrize("size", [64, 112, 224])
def test_label_maps_are_the_same_and_pixels_but_for_rounding(size: int) -> None:
    one, other = both(TemplateMixture(MIXTURE), size)
    assert len(set(one["occluder"])) > 4
    assert one["mask"].any()
    assert_alike(one, other)
    assert other["image"].stride() == one["image"].stride()


@pytest.mark.parametrize(("size", "jitter"), [(97, 1.0), (33, 3.0), (160, 0.0)])
def test_every_category_is_drawn_alike_at_odd_sizes_and_however_it_sits(size: int, jitter: float) -> None:
    one, other = both(TemplateMixture(dict.fromkeys(CATEGORIES, 1.0), num_instances=5, jitter=jitter), size)
    assert set(one["occluder"]) == set(CATEGORIES)
    assert_alike(one, other)


@pytest.mark.gpu
def test_a_card_draws_as_the_processor_does(cuda: torch.device) -> None:
    assert_alike(*both(TemplateMixture(MIXTURE), 224, cuda))


def test_without_occluders_and_augmentation_nothing_changes() -> None:
    one, other = both(None, 64, augmented=False)
    assert torch.equal(one["image"], other["image"])
    one, other = both(None, 64)
    assert torch.equal(one["image"], other["image"])  # flips and tables are exact


def test_what_cannot_be_planned_is_drawn_by_the_loading_processes() -> None:
    """Noise, what is blended in, and what grows from epoch to epoch."""
    patch = NoisePatch((20, 30), UniformPlacement())
    blended = TemplateOccluder("scarf", blending=Blending(feather=(1.0, 2.0), shadow=(0.2, 0.3)))
    mixture = OccluderMixture(
        {"patch": patch, "blended": blended, "cup": TemplateOccluder("cup"), "mask": TemplateOccluder("doctor_mask")},
        {"none": 0.2, "patch": 0.2, "blended": 0.2, "cup": 0.2, "mask": 0.2},
    )
    one, other = both(mixture, 112)
    assert {"noise_patch", "scarf", "cup", "doctor_mask", "none"} == set(one["occluder"])
    assert_alike(one, other)
    plain, drawn = both(patch, 112)
    assert torch.equal(plain["image"], drawn["image"])
    assert_alike(*both(Curriculum(TemplateOccluder("cup"), epochs=5), 112))


def test_sprites_are_numbered_over_all_parts() -> None:
    mixture = TemplateMixture({"none": 1, "cup": 1, "sunglasses+scarf": 1}, num_instances=3)
    assert mixture.num_sprites == 9
    expected = [(name, number) for name in ("cup", "sunglasses", "scarf") for number in range(3)]
    for number, (name, instance) in enumerate(expected):
        assert mixture.sprite(number) is TemplateOccluder(name, num_instances=3).sprite(instance)
    with pytest.raises(IndexError):
        TemplateOccluder("cup", num_instances=3).sprite(3)


def test_faces_without_extent_or_beyond_the_image_have_no_layer() -> None:
    image, generator = np.zeros((64, 64, 3), np.uint8), np.random.default_rng(0)
    for points in (np.zeros((5, 2), np.float32), np.full((5, 2), 900.0, np.float32) + np.eye(5, 2, dtype=np.float32)):
        planned = TemplateOccluder("cup").plan(image, points, generator)
        assert not planned.layers
        assert not planned.occluded.mask.any()


def test_large_batches_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = both(TemplateMixture(MIXTURE), 64)[1]["image"]
    monkeypatch.setattr("datamodules.device_drawing.PIXELS_AT_ONCE", 64 * 64 * 5)
    assert torch.equal(both(TemplateMixture(MIXTURE), 64)[1]["image"], whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_module_finishes_its_training_batches_alone(workers: int) -> None:
    cv2.setNumThreads(1)

    def module(*, draw_on_device: bool) -> FaceDataModule:
        return FaceDataModule(
            SyntheticFaces(12, 8, image_size=64, seed=1),
            training_occluder=TemplateMixture({"none": 0.2, "cup": 0.4, "scarf": 0.4}, num_instances=2),
            augmentation=Augmentation(brightness=0.2),
            image_size=64,
            split=SplitSettings(min_images=6, num_unseen=2, validation_share=0.2),
            loading=Loading(batch_size=8, num_workers=workers, clean_views=True, draw_on_device=draw_on_device),
        )

    one, other = module(draw_on_device=False), module(draw_on_device=True)
    batches = zip(one.train_dataloader(), other.train_dataloader(), strict=True)
    for plain, late in batches:
        assert "drawing" in late
        assert_alike(plain, other.on_after_batch_transfer(late, 0))
        assert torch.equal(plain["clean"], late["clean"])
    for plain, late in zip(one.val_dataloader(), other.val_dataloader(), strict=True):
        assert "drawing" not in late
        assert torch.equal(plain["image"], other.on_after_batch_transfer(late, 0)["image"])
