"""Drawn instances: pure functions of (category, split, k), and nothing shared between the splits."""

import colorsys
from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pytest

from datamodules.occluders.drawn import CATEGORIES, Split, colours, drawn_sprite, patterns
from datamodules.seams.face_source import UInt8Image

KINDS: list[Mapping[Split, Mapping[str, object]]] = [
    patterns.PATTERNS,
    *(category.kinds for category in CATEGORIES.values()),
]


def thumbnail(category: str, split: Split, index: int) -> UInt8Image:
    """The instance's pixels at a comparable size."""
    level = drawn_sprite(category, split, index).levels[4]
    canvas = np.zeros((110, 110, 4), np.uint8)
    height, width = level.shape.shape
    canvas[:height, :width] = level.rgba[:110, :110]
    return canvas


def test_no_kind_of_outline_or_pattern_is_shared() -> None:
    for kinds in KINDS:
        assert not set(kinds["train"]) & set(kinds["held_out"])
        assert min(len(kinds["train"]), len(kinds["held_out"])) >= 3
        for one, other in product(kinds["train"].values(), kinds["held_out"].values()):
            assert not np.array_equal(np.asarray(one, dtype=object), np.asarray(other, dtype=object))


@pytest.mark.parametrize("bands", [colours.HUES, colours.GREYS])
def test_no_hue_and_no_grey_is_shared(bands: Mapping[Split, tuple[tuple[float, float], ...]]) -> None:
    for (a, b), (c, d) in product(bands["train"], bands["held_out"]):
        assert b < c or d < a


@pytest.mark.parametrize("split", colours.SPLITS)
def test_colours_are_drawn_from_the_bands(split: Split) -> None:
    rng = np.random.default_rng(0)
    for colour in np.concatenate([colours.palette(rng, split) for _ in range(50)]):
        degrees, saturation, value = colorsys.rgb_to_hsv(*(colour / 255).tolist())
        bands, place = (colours.HUES, 360 * degrees) if saturation > 0.01 else (colours.GREYS, value)
        assert any(a - 1e-3 <= place <= b + 1e-3 for a, b in bands[split])


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_two_instances_are_alike(category: str) -> None:
    keys: list[tuple[Split, int]] = [(split, k) for split in colours.SPLITS for k in range(6)]
    pictures = {key: thumbnail(category, *key).astype(int) for key in keys}
    for one, other in combinations(keys, 2):
        drawn = (pictures[one][..., 3] > 0) | (pictures[other][..., 3] > 0)
        assert np.abs(pictures[one] - pictures[other])[drawn].mean() > 4


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_instance_is_drawn_once_and_always_alike(category: str) -> None:
    first = drawn_sprite(category, "train", 2)
    assert drawn_sprite(category, "train", 2) is first
    again = drawn_sprite.__wrapped__(category, "train", 2)
    np.testing.assert_array_equal(again.levels[0].rgba, first.levels[0].rgba)


@pytest.mark.parametrize("category", CATEGORIES)
def test_levels_are_premultiplied_and_empty_at_the_rim(category: str) -> None:
    sprite = drawn_sprite(category, "held_out", 0)
    rgba = sprite.levels[0].rgba
    assert (rgba[..., :3] <= rgba[..., 3:].astype(int) + 1).all()
    assert not any(rgba[edge].any() for edge in (0, -1))
    assert len(sprite.levels) > 4
