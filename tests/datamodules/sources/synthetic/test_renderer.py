"""The renderer: a pure function of (seed, identity, photo), whose landmarks lie where the parts are drawn."""

import numpy as np
import pytest
from numpy.typing import NDArray

from datamodules.sources.synthetic.identity import draw_traits
from datamodules.sources.synthetic.renderer import RenderedFaces, render, render_scenes
from datamodules.sources.synthetic.scene import draw_scenes

IDENTITIES = 60


@pytest.fixture(scope="module")
def clean_faces() -> RenderedFaces:
    """One sharp, noiseless photo each, in even light, eyes open."""
    identities = list(range(IDENTITIES))
    scene = draw_scenes(0, identities, [0] * IDENTITIES)
    for name in ("blur", "noise", "warmth", "tint", "light_x", "light_y", "gain", "gamma", "gaze_x", "gaze_y"):
        scene[name] = np.zeros((IDENTITIES, 1))
    scene["eye_openness"] = np.ones((IDENTITIES, 1))
    return render_scenes(draw_traits(0, identities), scene, size=64)


@pytest.mark.parametrize("size", [48, 64, 97])
def test_batch_and_single_agree_to_the_last_bit(size: int) -> None:
    identities, draws = (4, 0, 9, 4, 4, 31, 7), (2, 0, 1, 3, 2, 17, 5)
    batch = render(identities, draws, size=size, seed=5)
    for row, (identity, draw) in enumerate(zip(identities, draws, strict=True)):
        single = render([identity], [draw], size=size, seed=5)
        np.testing.assert_array_equal(single.images[0], batch.images[row])
        np.testing.assert_array_equal(single.landmarks[0], batch.landmarks[row])


def test_global_generators_neither_enter_nor_move() -> None:
    np.random.seed(1)  # noqa: NPY002
    first = render([3], [1], size=48, seed=0)
    after = np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert np.random.random() == after  # noqa: NPY002
    np.testing.assert_array_equal(render([3], [1], size=48, seed=0).images, first.images)


def test_seeds_make_other_people() -> None:
    here, there = (draw_traits(seed, range(5)) for seed in (0, 1))
    assert all((here[name] != there[name]).any() for name in ("chin_width", "eye_distance", "skin_tone"))


def test_traits_belong_to_the_identity_and_scenes_to_the_photo() -> None:
    scene = draw_scenes(0, [2, 2, 3], [0, 1, 0])
    assert len(np.unique(scene["yaw"])) == 3
    traits = draw_traits(0, [2, 2, 3])
    assert traits["nose_width"][0] == traits["nose_width"][1] != traits["nose_width"][2]


def test_landmarks_lie_inside_and_in_anatomical_order() -> None:
    faces = render(range(100), range(100), size=48, seed=3)
    points = faces.landmarks[:, :11]  # the chin may leave the picture
    assert points.min() >= 0
    assert points.max() <= 47
    left_eye, right_eye, nose, left_mouth, right_mouth = points[:, :5].swapaxes(0, 1)
    assert (left_eye[:, 0] < right_eye[:, 0]).all()
    assert (left_mouth[:, 0] < right_mouth[:, 0]).all()
    assert (np.maximum(left_eye, right_eye)[:, 1] < nose[:, 1]).all()
    assert (nose[:, 1] < np.minimum(left_mouth, right_mouth)[:, 1] + 1).all()


def test_mean_landmarks_are_the_documented_ones() -> None:
    points = render(range(100), [0] * 100, size=48, seed=1).landmarks[:, :5].mean(0) / 48 * 100
    documented = np.array([(37.4, 45.0), (62.7, 45.1), (49.9, 61.5), (40.1, 71.6), (59.9, 71.7)])
    np.testing.assert_allclose(points, documented, atol=1.0)


def test_landmarks_scale_with_the_image() -> None:
    small, large = (render([1, 2], [0, 0], size=size, seed=0).landmarks for size in (48, 192))
    np.testing.assert_allclose(large, 4 * small, rtol=1e-4)


def colour_at(faces: RenderedFaces, points: NDArray[np.floating], down: float = 0.0) -> NDArray[np.float64]:
    """Mean colour of the 3 × 3 pixels around ``(B, 2)`` points, or so many pixels below them: ``(B, 3)``."""
    columns, rows = np.rint(points + np.array([0.0, down])).astype(int).T
    patches = [i[y - 1 : y + 2, x - 1 : x + 2] for i, x, y in zip(faces.images, columns, rows, strict=True)]
    return np.asarray(np.mean(patches, axis=(1, 2)))


@pytest.mark.parametrize("eye", [0, 1])
def test_irises_are_drawn_at_the_eyes(clean_faces: RenderedFaces, eye: int) -> None:
    place = clean_faces.landmarks[:, eye]
    iris, cheek = colour_at(clean_faces, place).mean(1), colour_at(clean_faces, place, down=6).mean(1)
    assert (iris < cheek).mean() > 0.9
    assert np.median(iris / cheek) < 0.7


def test_lips_are_drawn_at_the_mouth(clean_faces: RenderedFaces) -> None:
    place = clean_faces.landmarks[:, 10]  # the lower lip's edge
    lip, chin = colour_at(clean_faces, place, down=-1), colour_at(clean_faces, place, down=4)
    redder = lip[:, 0] / lip[:, 1] > chin[:, 0] / chin[:, 1]
    assert redder.mean() > 0.8


def test_people_differ_more_than_their_photos() -> None:
    """In a fixed pose and light, another photo's expression moves fewer pixels than another identity does."""
    identities = [i for i in range(20) for _ in range(2)]
    scene = draw_scenes(0, identities, [0, 1] * 20)
    expression = {"smile", "mouth_opening", "brow_raise", "brow_frown", "gaze_x", "gaze_y", "eye_openness"}
    fixed = {
        name: column if name in expression else np.repeat(column[:1], 40, axis=0) for name, column in scene.items()
    }
    images = render_scenes(draw_traits(0, identities), fixed, size=64).images.astype(float)[:, 20:52, 16:48]
    first, second = images[::2], images[1::2]
    within = np.abs(first - second).mean()
    between = np.abs(first - np.roll(second, 1, axis=0)).mean()
    assert between > 3 * within
