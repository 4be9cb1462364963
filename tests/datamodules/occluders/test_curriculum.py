"""A curriculum: how it grows, what part of an occluder is shown, and that faces are those of their epoch."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from datamodules.dataset import FaceDataset
from datamodules.occluders import Curriculum, NoisePatch, OccluderMixture, RandomErasing, UniformPlacement
from datamodules.occluders.curriculum import PartialOccluder
from datamodules.occluders.try_on import try_on
from datamodules.sampler import Draw
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources import SourceLandmarks
from tests.helpers.doubles import PlainSource, RandomSquare

MakeFace = Callable[..., tuple[UInt8Image, Landmarks]]


def curriculum(**settings: Any) -> Curriculum:
    return Curriculum(RandomErasing(), **{"epochs": 5, **settings})


@pytest.mark.parametrize(
    ("epoch", "share", "size"), [(0, 0.1, 0.4), (1, 0.3, 0.55), (2, 0.5, 0.7), (4, 0.9, 1.0), (5, 0.9, 1.0)]
)
def test_share_and_size_grow_in_equal_steps_and_then_stay(epoch: int, share: float, size: float) -> None:
    stage = curriculum(share=(0.1, 0.9), size=(0.4, 1.0)).at_epoch(epoch)
    assert (stage.share, stage.size) == pytest.approx((share, size))


def test_a_curriculum_of_one_epoch_begins_at_its_end() -> None:
    stage = curriculum(epochs=1, share=(0.1, 0.9)).at_epoch(0)
    assert (stage.share, stage.size) == (0.9, 1.0)


def test_by_itself_it_is_its_last_epoch(make_face: MakeFace) -> None:
    whole, last = curriculum(), curriculum().at_epoch(4)
    for seed in range(10):
        a, b = (occluder(*make_face(), np.random.default_rng(seed)) for occluder in (whole, last))
        np.testing.assert_array_equal(a.image, b.image)
        assert a.occluder == b.occluder


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_as_many_faces_are_covered_as_asked(share: float, make_face: MakeFace) -> None:
    stage, face, rng = PartialOccluder(RandomErasing(), share, 0.5), make_face(40), np.random.default_rng(0)
    results = [stage(*face, rng) for _ in range(500)]
    assert all(result.mask.any() == (result.occluder != "none") for result in results)
    assert np.mean([result.mask.any() for result in results]) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("size", [0.2, 0.5, 1.0])
def test_shows_a_window_of_the_occluder_and_the_clean_face_elsewhere(size: float, make_face: MakeFace) -> None:
    patch = NoisePatch((20, 40), UniformPlacement())
    image, landmarks = make_face(100)
    before = image.copy()
    for seed in range(10):
        rng, again = np.random.default_rng(seed), np.random.default_rng(seed)
        result = PartialOccluder(patch, 1.0, size)(image, landmarks, rng)
        again.random()
        whole = patch(image, landmarks, again)
        box = [np.ptp(np.flatnonzero(whole.mask.any(axis))) + 1 for axis in (1, 0)]
        found = [np.ptp(np.flatnonzero(result.mask.any(axis))) + 1 for axis in (1, 0)]
        assert found == [max(1, round(size * side)) for side in box]
        assert (result.mask <= whole.mask).all()
        np.testing.assert_array_equal(result.image[result.mask == 1], whole.image[result.mask == 1])
        np.testing.assert_array_equal(result.image[result.mask == 0], image[result.mask == 0])
        assert result.occluder == "noise_patch"
    np.testing.assert_array_equal(image, before)


def test_windows_lie_anywhere_within_the_occluder(make_face: MakeFace) -> None:
    stage, face, rng = PartialOccluder(All(), 1.0, 0.5), make_face(8), np.random.default_rng(0)
    corners = {tuple(np.argwhere(stage(*face, rng).mask)[0]) for _ in range(400)}
    assert corners == {(row, column) for row in range(5) for column in range(5)}


class All:
    """Covers a whole face with black."""

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Any:
        square = RandomSquare()(image.repeat(2, 0).repeat(2, 1), landmarks, generator)
        return square._replace(image=np.zeros_like(image), mask=np.ones(image.shape[:2], np.uint8))


def faces(occluder: Any) -> FaceDataset:
    source = PlainSource([3, 3])
    return FaceDataset(
        source, np.arange(6), source.identities, landmarks=SourceLandmarks(), image_size=32, occluder=occluder
    )


def test_a_training_face_is_that_of_its_epoch_and_another_that_of_the_last() -> None:
    growing = Curriculum(RandomSquare(), epochs=3, share=(0.0, 1.0), size=(0.5, 1.0))
    covered = {epoch: [faces(growing)[Draw(epoch, n)].mask.sum() for n in range(6)] for epoch in range(4)}
    assert covered[0] == [0] * 6
    assert set(covered[2]) == set(covered[3]) == {64}
    assert [faces(growing)[n].mask.sum() for n in range(6)] == [64] * 6  # as validation draws
    again = [faces(growing)[Draw(1, n)].mask.sum() for n in reversed(range(6))]
    assert again[::-1] == covered[1]


def test_what_it_covers_with_is_tried_on_however_few_faces_it_covers() -> None:
    with pytest.raises(ValueError, match=r"at least the patch's 20 × 40 pixels"):
        try_on(Curriculum(NoisePatch((20, 40), UniformPlacement()), epochs=2, share=(0.0, 0.0)), 32)


def test_a_mixture_refuses_one_among_its_occluders() -> None:
    with pytest.raises(ValueError, match=r"curriculum around the mixture, got one within it: 'grows'"):
        OccluderMixture({"grows": curriculum()}, {"grows": 1.0})


def test_refuses_epochs() -> None:
    with pytest.raises(ValueError, match="`epochs` of at least 1, got 0"):
        curriculum(epochs=0)


@pytest.mark.parametrize("share", [(-0.1, 1.0), (0.0, 1.1), (math.nan, 1.0)])
def test_refuses_a_share(share: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=rf"`share` as first and last in \[0, 1\], got {share[0]} and {share[1]}"):
        curriculum(share=share)


@pytest.mark.parametrize("size", [(0.0, 1.0), (0.5, 1.5), (0.5, math.inf)])
def test_refuses_a_size(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=rf"`size` as first and last in \(0, 1\], got {size[0]} and {size[1]}"):
        curriculum(size=size)
