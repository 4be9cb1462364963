"""Template occluders: what may change, what must be covered, and how placement follows the landmarks."""

import random
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from datamodules.occluders import Occluded, TemplateOccluder
from datamodules.occluders.drawn import CATEGORIES, SPLITS, Split
from datamodules.seams.face_source import Landmarks, UInt8Image

Face = tuple[UInt8Image, Landmarks]
MakeFace = Callable[..., Face]
COMBINATIONS = ("sunglasses+scarf", "doctor_mask+party_mask")
FEW = 6  # instances: drawing them is what takes the time


def occlude(category: str, face: Face, seed: int = 0, *, split: Split = "train", jitter: float = 1.0) -> Occluded:
    occluder = TemplateOccluder(category, split=split, num_instances=FEW, jitter=jitter)
    return occluder(*face, np.random.default_rng(seed))


def global_state() -> tuple[object, ...]:
    return random.getstate(), str(np.random.get_state())  # noqa: NPY002 the legacy state is what must not move


def at(mask: UInt8Image, point: tuple[float, float] | Landmarks) -> bool:
    return bool(mask[round(float(point[1])), round(float(point[0]))])


@pytest.mark.parametrize("category", [*CATEGORIES, *COMBINATIONS])
def test_is_a_function_of_the_generator_alone(category: str, make_face: MakeFace) -> None:
    face = make_face()
    before = global_state()
    first, again, other = occlude(category, face, 1), occlude(category, face, 1), occlude(category, face, 2)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.image != other.image).any()
    assert first.occluder == category
    assert global_state() == before


@pytest.mark.parametrize("size", [(48, 48), (64, 64), (112, 112), (224, 224), (96, 160), (160, 96)])
@pytest.mark.parametrize("category", CATEGORIES)
def test_changes_only_what_lies_near_the_mask(category: str, size: tuple[int, int], make_face: MakeFace) -> None:
    image, landmarks = make_face(*size)
    before = image.copy()
    for seed in range(4):
        result = occlude(category, (image, landmarks), seed)
        assert result.image.shape == image.shape
        assert result.mask.shape == image.shape[:2]
        assert result.image.dtype == result.mask.dtype == np.uint8
        assert result.image.flags.c_contiguous
        assert result.mask.any()
        assert set(np.unique(result.mask)) <= {0, 1}
        # soft edges and shadows reach a fifth of the distance between the eyes; ear loops farther, and where
        # they are thinner than half a pixel they are drawn, but not labelled
        share = 0.6 if category == "doctor_mask" and size[0] < 100 else 0.2
        reach = 2 * int(np.ceil(share * 0.32 * size[0])) + 1
        near = cv2.dilate(result.mask, np.ones((reach, reach), np.uint8))
        np.testing.assert_array_equal(result.image[near == 0], image[near == 0])
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("category", ["scarf", "doctor_mask", "party_mask"])
def test_opaque_occluders_hide_the_face(category: str, make_face: MakeFace) -> None:
    (one, landmarks), (two, _) = make_face(seed=0), make_face(seed=1)
    a, b = occlude(category, (one, landmarks)), occlude(category, (two, landmarks))
    inner = cv2.erode(a.mask, np.ones((7, 7), np.uint8)) == 1
    assert inner.any()
    np.testing.assert_allclose(a.image[inner].astype(int), b.image[inner].astype(int), atol=3)


def test_tinted_lenses_are_labelled_although_the_face_shines_through(make_face: MakeFace) -> None:
    (one, landmarks), (two, _) = make_face(seed=0), make_face(seed=1)
    through = 0
    for seed in range(FEW):
        a, b = (occlude("sunglasses", (image, landmarks), seed, split="held_out") for image in (one, two))
        inner = cv2.erode(a.mask, np.ones((5, 5), np.uint8)) == 1
        through += int(np.abs(a.image[inner].astype(int) - b.image[inner]).mean() > 5)
        assert at(a.mask, landmarks[0])
    assert through


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("degrees", [0, 20, -35])
@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_covers_the_right_landmarks(split: Split, degrees: float, scale: float, make_face: MakeFace) -> None:
    image, upright = make_face(224)
    turn = cv2.getRotationMatrix2D((112, 120), degrees, scale)
    points = (upright @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    face, mouth = (image, points), (points[3] + points[4]) / 2
    for seed in range(FEW):
        masks = {category: occlude(category, face, seed, split=split).mask for category in CATEGORIES}
        assert at(masks["sunglasses"], points[0])
        assert at(masks["sunglasses"], points[1])
        assert not at(masks["sunglasses"], mouth)
        assert at(masks["scarf"], mouth)
        assert all(at(masks["doctor_mask"], p) for p in (points[2], points[3], points[4], mouth))
        assert at(masks["cup"], mouth + 0.35 * (mouth - (points[0] + points[1]) / 2))
        assert not at(masks["cup"], points[0])
        _check_party_mask(masks["party_mask"], points)


def _check_party_mask(mask: UInt8Image, points: Landmarks) -> None:
    assert not at(mask, points[0])
    assert not at(mask, points[1])
    assert at(mask, (points[0] + points[1]) / 2)
    brows = points[:2] + 0.5 * (points[:2].mean(axis=0) - points[2])
    assert at(mask, brows[0])
    assert at(mask, brows[1])


@pytest.mark.parametrize("category", CATEGORIES)
def test_mask_turns_with_the_landmarks(category: str, make_face: MakeFace) -> None:
    image, points = make_face(224)
    turn = cv2.getRotationMatrix2D((111.5, 111.5), 20, 0.7)
    turned = (points @ turn[:, :2].T + turn[:, 2]).astype(np.float32)
    small = ((points - 111.5) * 0.7 + 111.5).astype(np.float32)  # nothing is cut by the border
    upright = (255 * occlude(category, (image, small), jitter=0).mask).astype(np.uint8)
    expected = cv2.warpAffine(upright, cv2.getRotationMatrix2D((111.5, 111.5), 20, 1.0), (224, 224)) > 127
    seen = (occlude(category, (image, turned), jitter=0).mask == 1) & _inside_circle(108)
    expected &= _inside_circle(108)
    assert (seen & expected).sum() / (seen | expected).sum() > 0.9


def _inside_circle(radius: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    y, x = np.mgrid[:224, :224] - 111.5
    return np.asarray(np.hypot(x, y) < radius)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("category", "least", "most"),
    [
        ("sunglasses", 0.05, 0.22),
        ("party_mask", 0.09, 0.42),
        ("scarf", 0.14, 0.58),
        ("doctor_mask", 0.16, 0.36),
        ("cup", 0.03, 0.22),
    ],
)
def test_covers_a_sane_share_of_an_aligned_face(
    category: str, least: float, most: float, split: Split, make_face: MakeFace
) -> None:
    shares = [occlude(category, make_face(), seed, split=split).mask.mean() for seed in range(20)]
    assert least < min(shares)
    assert max(shares) < most


def test_jitter_is_a_factor(make_face: MakeFace) -> None:
    face = make_face()
    still = TemplateOccluder("sunglasses", num_instances=1, jitter=0)
    loose = TemplateOccluder("sunglasses", num_instances=1)
    assert len({still(*face, np.random.default_rng(k)).image.tobytes() for k in range(4)}) == 1
    assert len({loose(*face, np.random.default_rng(k)).image.tobytes() for k in range(4)}) == 4


def test_a_combination_is_the_union(make_face: MakeFace) -> None:
    face, rng = make_face(), np.random.default_rng(3)
    both = occlude("sunglasses+scarf", face, 3)
    glasses = TemplateOccluder("sunglasses", num_instances=FEW)(*face, rng)
    scarf = TemplateOccluder("scarf", num_instances=FEW)(glasses.image, face[1], rng)
    np.testing.assert_array_equal(both.mask, glasses.mask | scarf.mask)
    np.testing.assert_array_equal(both.image, scarf.image)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize(
    "shift", [(40, 0), (-40, 10), (0, 60), (0, -60), (0, 150), (500, 0), (-1e5, 3), (1e7, 1e7), (1e30, -1e30)]
)
def test_is_cut_at_the_border(category: str, shift: tuple[float, float], make_face: MakeFace) -> None:
    image, landmarks = make_face()
    result = occlude(category, (image, landmarks + np.array(shift, np.float32)))
    assert result.image.shape == image.shape
    if max(map(abs, shift)) > 300:
        assert not result.mask.any()
        np.testing.assert_array_equal(result.image, image)


@pytest.mark.parametrize("scale", [0.0, 1e-3, 0.05, 20.0, 1e6])
def test_faces_of_any_extent(scale: float, make_face: MakeFace) -> None:
    image, landmarks = make_face()
    for category in CATEGORIES:
        result = occlude(category, (image, ((landmarks - 56) * np.float32(scale) + 56)))
        assert result.mask.shape == (112, 112)


def test_a_view_gives_what_its_copy_gives(make_face: MakeFace) -> None:
    image, landmarks = make_face()
    mirrored = image[:, ::-1]
    a, b = occlude("cup", (mirrored, landmarks)), occlude("cup", (mirrored.copy(), landmarks))
    np.testing.assert_array_equal(a.image, b.image)
    assert a.image.flags.c_contiguous


def test_refuses_an_unknown_category() -> None:
    with pytest.raises(ValueError, match=r"an occluder category among \['cup', .*'sunglasses'\], got 'hat'"):
        TemplateOccluder("sunglasses+hat")


def test_refuses_a_repeated_category() -> None:
    with pytest.raises(ValueError, match="once in a combination, got 'cup\\+cup'"):
        TemplateOccluder("cup+cup")


def test_refuses_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"`split` among \['train', 'held_out'\], got 'test'"):
        TemplateOccluder("cup", split="test")  # type: ignore[arg-type] # the wrong value is the point
    with pytest.raises(ValueError, match="`num_instances` of at least 1, got 0"):
        TemplateOccluder("cup", num_instances=0)
    for jitter in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="`jitter` of at least 0"):
            TemplateOccluder("cup", jitter=jitter)


@pytest.mark.parametrize("landmarks", [np.zeros((4, 2), np.float32), np.full((5, 2), np.nan, np.float32)])
def test_refuses_landmarks_that_are_not_five_points(landmarks: Landmarks, make_face: MakeFace) -> None:
    with pytest.raises(ValueError, match=r"five finite points \(5, 2\)"):
        occlude("cup", (make_face()[0], landmarks))
