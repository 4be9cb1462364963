"""Draws: a function of (seed, category, pair), the same bits everywhere, within the label map only."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols.lfw_occ import pair_occluder
from datamodules.protocols.lfw_occ.exact_fit import face_area
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES, pixels_hash
from datamodules.protocols.lfw_occ.pair_occluder import SEVERITIES, PairOccluder, Severity
from datamodules.seams.face_source import UInt8Image

SIZE = (112, 112)


def gradient() -> UInt8Image:
    """An image made of whole numbers only."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([2 * x, 2 * y, (x * y) % 251], axis=-1).astype(np.uint8)


PINNED: dict[tuple[str, Severity | None], tuple[str, str, str]] = {
    ("sunglasses", None): ("13: 168947 279 -9305473 -279 168947 -7657880", "2fbc2212d66ea583", "2a92327b627fc85e"),
    ("party_mask", None): ("12: 172133 9319 -9973498 -9319 172133 -7582559", "b1741c9c9f674777", "1f9df24d5607b6f5"),
    ("scarf", None): ("5: 185498 -8314 -9519217 8314 185498 -9118543", "7f6784f6d205e495", "1809102c5e8dc9a4"),
    ("doctor_mask", None): ("5: 182689 -1318 -10093452 1560 182284 -9078364", "03b297693932263d", "952ebb99a9005572"),
    ("cup", None): ("12: 178732 -38736 -6626976 38736 178732 -10895837", "6321859798e1f96b", "12ca97c15bb4ff5a"),
    ("sunglasses+scarf", None): (
        "9: 179135 -4844 -9726628 4844 179135 -8443543+7: 178409 -15457 -8650262 15457 178409 -9307788",
        "c8c9166921d1b1a7",
        "330356e57abf269d",
    ),
    ("scarf", "low"): ("5: 190192 -8525 -9608700 8525 190192 -14650841", "a1acbba1d541fdee", "115960799fb3742a"),
    ("cup", "high"): ("7: 121686 17278 -8231878 -17278 121686 -2357219", "3d4b6ee9ec01a6d4", "69e60949913046b5"),
}
"""By category and severity: instance and geometry, and the first digits of the SHA-256 of label map and image."""


@pytest.mark.parametrize(("category", "severity"), list(PINNED))
def test_geometry_label_map_and_image_are_these_bits(category: str, severity: Severity | None) -> None:
    occluder = PairOccluder(category, severity=severity)
    drawing = occluder.draw(17, SIZE)
    geometry = "+".join(f"{part.instance}: {' '.join(map(str, part.matrix))}" for part in drawing.parts)
    image = occluder.cover(gradient(), drawing)
    assert (geometry, pixels_hash(drawing.label_map)[:16], pixels_hash(image)[:16]) == PINNED[category, severity]


@pytest.mark.parametrize("category", [*LFW_OCC_CATEGORIES, "sunglasses+scarf"])
def test_pixels_differ_within_the_label_map_only(category: str) -> None:
    occluder, image = PairOccluder(category), gradient()
    for pair in range(1, 9):
        drawing = occluder.draw(pair, SIZE)
        covered = occluder.cover(image, drawing)
        assert_array_equal(covered[drawing.label_map == 0], image[drawing.label_map == 0])
        changed = (covered != image).any(axis=-1)[drawing.label_map == 1]
        assert changed.mean() > 0.95
        assert set(np.unique(drawing.label_map)) == {0, 1}
    assert_array_equal(image, gradient())


def test_other_pairs_seeds_and_categories_give_other_draws() -> None:
    drawn = [PairOccluder("scarf", seed).draw(pair, SIZE).parts for seed in (0, 1) for pair in (1, 2, 3)]
    drawn.append(PairOccluder("sunglasses+scarf").draw(1, SIZE).parts[1:])
    for one, other in combinations(drawn, 2):
        assert one[0].matrix != other[0].matrix
    assert PairOccluder("scarf").draw(2, SIZE).parts == drawn[1]


def test_every_instance_is_drawn() -> None:
    occluder = PairOccluder("cup")
    assert {occluder.draw(pair, SIZE).parts[0].instance for pair in range(1, 150)} == set(range(16))


@pytest.mark.parametrize("severity", list(SEVERITIES))
@pytest.mark.parametrize("category", [*LFW_OCC_CATEGORIES, "sunglasses+scarf"])
def test_a_severity_covers_what_it_says(category: str, severity: Severity) -> None:
    occluder = PairOccluder(category, severity=severity)
    face = face_area(occluder._template, SIZE)
    low, high = SEVERITIES[severity]
    for pair in range(1, 6):
        drawing = occluder.draw(pair, SIZE)
        assert (drawing.covered, drawing.face) == (drawing.label_map[face == 1].sum(), face.sum())
        assert low / 1000 <= drawing.covered / drawing.face < high / 1000
        assert drawing.share == f"{int(10_000 * drawing.covered / drawing.face) / 10_000:.4f}"


def test_occluders_scale_with_the_image() -> None:
    small, large = (PairOccluder("party_mask").draw(5, (side, side)) for side in (112, 224))
    assert small.parts[0].instance == large.parts[0].instance
    assert small.covered / small.face == pytest.approx(large.covered / large.face, abs=0.01)


def test_the_last_of_several_occluders_lies_on_top() -> None:
    occluder, black = PairOccluder("scarf+cup"), np.zeros((*SIZE, 3), np.uint8)
    drawing = occluder.draw(1, SIZE)
    scarf, cup = (replace(drawing, parts=(part,)) for part in drawing.parts)
    assert_array_equal(occluder.cover(black, drawing), occluder.cover(occluder.cover(black, scarf), cup))
    assert (occluder.cover(black, drawing) != occluder.cover(occluder.cover(black, cup), scarf)).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"category": "hat"}, r"^Expected an occluder category among \['cup', .*\], got 'hat'$"),
        ({"category": "cup+cup"}, r"^Expected every category once in a combination, got 'cup\+cup'$"),
        ({"category": "cup", "seed": -1}, r"^Expected `seed` of at least 0, got -1$"),
        (
            {"category": "cup", "severity": "some"},
            r"^Expected `severity` among \['low', 'medium', 'high'\], got 'some'$",
        ),
        ({"category": "cup", "landmarks": "dlib"}, r"^Expected `points` to be one of \['arcface', 'lfw'\]"),
    ],
)
def test_refuses_settings(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairOccluder(**settings)  # type: ignore[arg-type]  # refused ones among them


def test_refuses_a_severity_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_occluder, "SEVERITIES", {"high": (990, 1000)})
    monkeypatch.setattr(pair_occluder, "MAX_TRIES", 5)
    message = r"^cup: expected to cover 99 % to 100 % of the face \(high\), got none in 5 draws for pair 3$"
    with pytest.raises(DataError, match=message):
        PairOccluder("cup", severity="high").draw(3, SIZE)
