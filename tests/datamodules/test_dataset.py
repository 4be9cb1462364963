"""The path from a stored image to a batch."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.augmentation import Augmentation
from datamodules.dataset import FaceDataset
from datamodules.errors import DataError
from datamodules.face_samples import FaceSample, collate_faces
from datamodules.occluders.occluder import Occluded
from datamodules.randomness import sample_generator
from datamodules.sampler import Draw
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources import SourceLandmarks
from tests.helpers.doubles import POINTS, PlainSource, RandomSquare


def dataset(
    *,
    source: PlainSource | None = None,
    occluder: RandomSquare | None = None,
    augmentation: Augmentation | None = None,
    image_size: int = 32,
    seed: int = 0,
) -> FaceDataset:
    source = source or PlainSource([3, 3])
    return FaceDataset(
        source,
        np.arange(len(source)),
        source.identities,
        landmarks=SourceLandmarks(),
        image_size=image_size,
        occluder=occluder,
        augmentation=augmentation,
        seed=seed,
    )


def equal(first: FaceSample, second: FaceSample) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)


def test_a_sample_is_a_function_of_seed_epoch_and_index() -> None:
    draws = [(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    faces = {key: dataset(occluder=RandomSquare(), seed=key[0])[Draw(key[1], 2)] for key in draws}
    again = {key: dataset(occluder=RandomSquare(), seed=key[0])[Draw(key[1], 2)] for key in draws}
    assert all(equal(faces[key], again[key]) for key in draws)
    assert not any(equal(faces[a], faces[b]) for a in draws for b in draws if a < b)


def test_the_first_view_is_drawn_from_the_streams_of_old() -> None:
    # runs of before there were views resume with the same faces
    source, occluder, augmentation = PlainSource([3, 3]), RandomSquare(), Augmentation(brightness=0.4)
    occluded = occluder(source.image(2), POINTS, sample_generator(5, 1, 2, stream="training/occluder"))
    image, mask = augmentation(occluded.image, occluded.mask, sample_generator(5, 1, 2, stream="training/augmentation"))
    faces = dataset(occluder=occluder, augmentation=augmentation, seed=5)
    for sample in (faces[Draw(1, 2)], faces[Draw(1, 2, view=0)]):
        np.testing.assert_array_equal(sample.image, image)
        np.testing.assert_array_equal(sample.mask, mask)


@pytest.mark.parametrize("random", [{"occluder": RandomSquare()}, {"augmentation": Augmentation(brightness=0.4)}])
def test_each_view_has_an_occluder_and_augmentation_of_its_own(random: dict[str, Any]) -> None:
    views, again = ([dataset(**random)[Draw(0, 5, view)] for view in range(3)] for _ in range(2))
    assert all(equal(a, b) for a, b in zip(views, again, strict=True))
    assert not any(equal(a, b) for a, b in combinations(views, 2))


def test_order_of_access_is_irrelevant() -> None:
    forwards, backwards = dataset(occluder=RandomSquare()), dataset(occluder=RandomSquare())
    first = [forwards[Draw(1, position)] for position in range(6)]
    second = [backwards[Draw(1, position)] for position in reversed(range(6))]
    assert all(equal(a, b) for a, b in zip(first, reversed(second), strict=True))


def test_without_an_occluder_faces_are_clean() -> None:
    sample = dataset()[4]
    assert (sample.occluder, sample.identity, sample.index, sample.mask.sum()) == ("none", 1, 4, 0)
    assert (sample.image == 4).all()


def test_landmarks_scale_with_the_image() -> None:
    occluder = RandomSquare()
    _ = dataset(source=PlainSource([2], size=(64, 72)), occluder=occluder, image_size=48)[0]
    np.testing.assert_allclose(occluder.seen[0], POINTS * 1.5, rtol=1e-6)


def test_augmentation_moves_image_and_mask_together() -> None:
    plain, flipped = (
        dataset(occluder=RandomSquare(), augmentation=Augmentation(flip=probability))[Draw(0, 1)]
        for probability in (0.0, 1.0)
    )
    np.testing.assert_array_equal(flipped.image, plain.image[:, ::-1])
    np.testing.assert_array_equal(flipped.mask, plain.mask[:, ::-1])


def test_augmentation_draws_from_its_generator_alone() -> None:
    augmentation = Augmentation(flip=0.5, brightness=0.4, contrast=0.4)
    image, mask = np.arange(48, dtype=np.uint8).reshape(4, 4, 3), np.eye(4, dtype=np.uint8)
    results = [augmentation(image, mask, np.random.default_rng(seed))[0] for seed in (1, 2, 1)]
    assert np.array_equal(results[0], results[2])
    assert not np.array_equal(results[0], results[1])


@pytest.mark.parametrize("setting", ["flip", "brightness", "contrast"])
def test_augmentation_refuses_settings(setting: str) -> None:
    with pytest.raises(ValueError, match=rf"`{setting}` in \[0, 1\], got 1.5"):
        Augmentation(**{setting: 1.5})


def test_batch_has_the_promised_shapes_and_dtypes() -> None:
    faces = dataset(occluder=RandomSquare())
    batch = collate_faces([faces[0], faces[5]])
    assert (batch["image"].shape, batch["image"].dtype) == ((2, 3, 32, 32), torch.uint8)
    assert (batch["mask"].shape, batch["mask"].dtype) == ((2, 32, 32), torch.uint8)
    assert (batch["identity"].tolist(), batch["index"].tolist()) == ([0, 1], [0, 5])
    assert batch["occluder"] == ["square", "square"]
    assert batch["image"].is_contiguous(memory_format=torch.channels_last)


def test_clean_views_are_the_images_without_occluder_and_augmentation_and_change_nothing_else() -> None:
    random: dict[str, Any] = {"occluder": RandomSquare(), "augmentation": Augmentation(brightness=0.4)}
    plain, with_views = dataset(**random), dataset(**random)
    with_views.clean_views = True
    draws = [Draw(1, 2), Draw(1, 5, view=1)]
    for draw in draws:
        sample = with_views[draw]
        assert equal(sample, plain[draw])
        np.testing.assert_array_equal(sample.clean, PlainSource([3, 3]).image(draw.position))
    batch = collate_faces([with_views[draw] for draw in draws])
    assert (batch["clean"].shape, batch["clean"].dtype) == ((2, 3, 32, 32), torch.uint8)
    assert [set(view.flatten().tolist()) for view in batch["clean"]] == [{2}, {5}]
    assert "clean" not in collate_faces([plain[draw] for draw in draws])


@pytest.mark.parametrize("size", [(8, 8), (32, 48), (60, 40)])
def test_refuses_what_is_not_an_aligned_crop(size: tuple[int, int]) -> None:
    faces = dataset(source=PlainSource([2], size=size))
    with pytest.raises(DataError, match=rf"image-1: expected an aligned.* got {size[1]} × {size[0]}"):
        faces[1]


def test_an_occluder_that_marks_by_255_covers_what_it_marks() -> None:
    class White(RandomSquare):
        def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
            occluded = super().__call__(image, landmarks, generator)
            return occluded._replace(mask=occluded.mask * np.uint8(255))

    white, plain = dataset(occluder=White())[2], dataset(occluder=RandomSquare())[2]
    assert equal(white, plain)
