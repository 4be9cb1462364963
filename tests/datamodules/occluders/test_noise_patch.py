"""Noise patches: what they cover, what they look like, what they refuse, and how they are configured."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from jsonargparse import ArgumentParser

from datamodules.errors import DataError
from datamodules.occluders import (
    NoisePatch,
    NormalPlacement,
    Occluder,
    OccluderMixture,
    OcclusionMap,
    Placement,
    StrategicPlacement,
    UniformPlacement,
    occluder_window,
)
from datamodules.seams.face_source import Landmarks, UInt8Image

MakeFace = Callable[..., tuple[UInt8Image, Landmarks]]
QUIET: dict[str, Any] = {"salt_and_pepper": None, "speckle": None, "gaussian": None}
MIXTURE = """
class_path: datamodules.occluders.OccluderMixture
init_args:
  occluders:
    patch:
      class_path: datamodules.occluders.NoisePatch
      init_args:
        size: [20, 20]
        placement: {class_path: datamodules.occluders.UniformPlacement}
    grey:
      class_path: datamodules.occluders.NoisePatch
      init_args:
        size: [20, 40]
        colour: false
        speckle: null
        name: grey_patch
        placement: {class_path: datamodules.occluders.NormalPlacement, init_args: {scale: 0.2}}
    strategic:
      class_path: datamodules.occluders.NoisePatch
      init_args:
        size: [40, 40]
        name: strategic_patch
        placement:
          class_path: datamodules.occluders.StrategicPlacement
          init_args: {map_file: MAP, temperature: 0.6}
    sunglasses:
      class_path: datamodules.occluders.TemplateOccluder
      init_args: {category: sunglasses, num_instances: 2}
  probabilities: {none: 0.2, patch: 0.2, grey: 0.2, strategic: 0.2, sunglasses: 0.2}
"""


class At:
    """Places every occluder at one centre."""

    def __init__(self, row: int, column: int) -> None:
        self.centre = row, column

    def __call__(self, height: int, width: int, generator: np.random.Generator) -> tuple[int, int]:
        return self.centre

    def check_occluder(self, height: int, width: int) -> None:
        """Accept every size."""


def save_map(path: Path, side: int, occluder_size: tuple[int, int]) -> Path:
    blank = np.zeros((side, side), np.float32)
    OcclusionMap(blank, occluder_size, blank[0, :3], 1, np.arange(5), "3f2a", "last.ckpt").save(path)
    return path


@pytest.mark.parametrize("centre", [(50, 50), (0, 0), (99, 3), (7, 79)])
@pytest.mark.parametrize("colour", [True, False])
def test_covers_its_window_and_nothing_else(centre: tuple[int, int], colour: bool, make_face: MakeFace) -> None:
    image, landmarks = make_face(100, 80)
    before = image.copy()
    result = NoisePatch((20, 40), At(*centre), colour=colour)(image, landmarks, np.random.default_rng(0))
    expected = np.zeros((100, 80), np.uint8)
    expected[occluder_window(centre, (20, 40), (100, 80))] = 1
    np.testing.assert_array_equal(result.mask, expected)
    np.testing.assert_array_equal(result.image[expected == 0], image[expected == 0])
    assert (result.image[expected == 1] != image[expected == 1]).any(axis=1).mean() > 0.9
    assert result.image.dtype == result.mask.dtype == np.uint8
    assert result.image.flags.c_contiguous
    assert result.occluder == "noise_patch"
    np.testing.assert_array_equal(image, before)


def test_hides_the_face(make_face: MakeFace) -> None:
    patch = NoisePatch((20, 20), At(50, 50))
    a, b = (patch(*make_face(seed=seed), np.random.default_rng(3)) for seed in (0, 1))
    np.testing.assert_array_equal(a.image[a.mask == 1], b.image[b.mask == 1])


def test_is_a_function_of_the_generator_alone(make_face: MakeFace) -> None:
    patch = NoisePatch((20, 20), UniformPlacement())
    first, again, other = (patch(*make_face(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert (first.image != other.image).any()


def test_intensities_are_uniform(make_face: MakeFace) -> None:
    """Without visible noise a patch is one colour: each channel from 0 to 255, on its own."""
    patch = NoisePatch((1, 1), At(5, 5), **QUIET | {"gaussian": (0, 0)})
    face, rng, draws = make_face(16), np.random.default_rng(0), 2000
    colours = np.array([patch(*face, rng).image[5, 5] for _ in range(draws)], float)  # (N, 3)
    counts = np.stack([np.histogram(channel, 8, (0, 256))[0] for channel in colours.T])
    assert ((counts - draws / 8) ** 2 / (draws / 8)).sum() < 38.9  # 99 % quantile at 21 degrees of freedom
    np.testing.assert_allclose(np.corrcoef(colours.T), np.eye(3), atol=0.08)


@pytest.mark.parametrize("kind", QUIET)
def test_grey_patches_are_grey_noise_too(kind: str, make_face: MakeFace) -> None:
    patch = NoisePatch((40, 40), At(50, 50), colour=False, **QUIET | {kind: (0.3, 0.3)})
    result = patch(*make_face(), np.random.default_rng(5))
    pixels = result.image[result.mask == 1].astype(int)
    assert (np.ptp(pixels, axis=1) == 0).all()
    assert len(np.unique(pixels)) > 2


def test_kinds_are_as_likely_and_levels_are_drawn_from_their_range(make_face: MakeFace) -> None:
    """Seen with levels by which the kinds differ: all pixels black or white, or every pixel clean."""
    patch = NoisePatch((20, 20), At(50, 50), salt_and_pepper=(1, 1), speckle=None, gaussian=(0, 0))
    face, rng = make_face(), np.random.default_rng(0)
    salted = [len(np.unique(patch(*face, rng).image[50, 45:55], axis=0)) > 1 for _ in range(400)]
    assert np.mean(salted) == pytest.approx(0.5, abs=0.1)
    levels = NoisePatch((20, 20), At(50, 50), **QUIET | {"salt_and_pepper": (0.2, 0.6)})
    shares = []
    for _ in range(300):
        result = levels(*face, rng)
        shares.append(np.isin(result.image[result.mask == 1], (0, 255)).all(axis=1).mean())
    assert np.mean(shares) == pytest.approx(0.4, abs=0.02)
    assert np.std(shares) == pytest.approx(0.4 / np.sqrt(12), abs=0.02)


def test_values_beyond_a_pixels_range_are_clipped(make_face: MakeFace) -> None:
    patch = NoisePatch((40, 40), At(50, 50), **QUIET | {"gaussian": (9, 9)})
    result = patch(*make_face(), np.random.default_rng(0))
    pixels = result.image[result.mask == 1]
    assert np.isin(pixels, (0, 255)).mean() > 0.9


def test_patches_in_one_mixture_have_their_own_names(make_face: MakeFace) -> None:
    patches = {name: NoisePatch((9, 9), UniformPlacement(), name=name) for name in ("small", "other")}
    mixture, rng = OccluderMixture(patches, {"small": 1, "other": 1}), np.random.default_rng(0)
    assert {mixture(*make_face(), rng).occluder for _ in range(20)} == {"small", "other"}


def test_travels_to_worker_processes(make_face: MakeFace) -> None:
    patch = NoisePatch((20, 20), NormalPlacement())
    copy = pickle.loads(pickle.dumps(patch))  # noqa: S301 our own bytes
    a, b = (p(*make_face(), np.random.default_rng(4)) for p in (patch, copy))
    np.testing.assert_array_equal(a.image, b.image)


def test_a_patch_of_the_images_size_fits(make_face: MakeFace) -> None:
    assert NoisePatch((30, 20), At(15, 10))(*make_face(30, 20), np.random.default_rng(0)).mask.all()


@pytest.mark.parametrize("size", [(31, 20), (30, 21)])
def test_refuses_an_image_smaller_than_the_patch(size: tuple[int, int], make_face: MakeFace) -> None:
    with pytest.raises(ValueError, match=rf"at least the patch's {size[0]} × {size[1]} pixels .*, got one of 30 × 20"):
        NoisePatch(size, UniformPlacement())(*make_face(30, 20), np.random.default_rng(0))


@pytest.mark.parametrize("size", [(0, 20), (20, -1)])
def test_refuses_a_size(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"`size` as \(height, width\) of at least 1, got {size[0]} × {size[1]}"):
        NoisePatch(size, UniformPlacement())


@pytest.mark.parametrize("kind", QUIET)
@pytest.mark.parametrize("levels", [(-0.1, 0.5), (0.5, 0.1), (0.1, float("inf")), (float("nan"), 0.5)])
def test_refuses_levels(kind: str, levels: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=f"`{kind}` as 0 ≤ low ≤ high.*, got {levels[0]} to {levels[1]}"):
        NoisePatch((20, 20), UniformPlacement(), **QUIET | {kind: levels})


def test_refuses_a_share_above_one() -> None:
    with pytest.raises(ValueError, match=r"`salt_and_pepper` as 0 ≤ low ≤ high ≤ 1, finite, got 0.5 to 1.5"):
        NoisePatch((20, 20), UniformPlacement(), salt_and_pepper=(0.5, 1.5))


def test_refuses_to_be_without_noise() -> None:
    with pytest.raises(ValueError, match=r"levels for one of \['salt_and_pepper', 'speckle', 'gaussian'\] at least"):
        NoisePatch((20, 20), UniformPlacement(), **QUIET)


@pytest.mark.parametrize("name", ["", "none"])
def test_refuses_a_name_that_means_clean(name: str) -> None:
    with pytest.raises(ValueError, match=f"`name` as text other than 'none', the clean image, got '{name}'"):
        NoisePatch((20, 20), UniformPlacement(), name=name)


def test_refuses_a_map_made_with_another_occluder(tmp_path: Path) -> None:
    placement: Placement = StrategicPlacement(save_map(tmp_path / "map.npz", 100, (20, 20)), temperature=0.25)
    NoisePatch((20, 20), placement)
    with pytest.raises(DataError, match=r"map.npz: expected an occluder of the map's 20 × 20 .*, got one of 20 × 40"):
        NoisePatch((20, 40), placement)


def test_is_configured_in_a_mixture_with_templates(tmp_path: Path, make_face: MakeFace) -> None:
    text = MIXTURE.replace("MAP", str(save_map(tmp_path / "map.npz", 100, (40, 40))))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--occluder", type=Occluder)
    mixture = parser.instantiate(parser.parse_object({"occluder": yaml.safe_load(text)})).occluder
    assert isinstance(mixture, OccluderMixture)
    rng = np.random.default_rng(0)
    results = [mixture(*make_face(100), rng) for _ in range(60)]
    assert {r.occluder for r in results} == {"none", "noise_patch", "grey_patch", "strategic_patch", "sunglasses"}
    assert all(r.mask.any() == (r.occluder != "none") for r in results)
