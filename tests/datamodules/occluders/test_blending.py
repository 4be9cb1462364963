"""Blending changes how an occluder looks, never where it is labelled, and leaves what it must not touch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from datamodules.occluders import Blending, TemplateMixture, TemplateOccluder
from datamodules.occluders.drawn import CATEGORIES
from datamodules.occluders.occluder import Occluded
from datamodules.seams.face_source import Landmarks, UInt8Image
from tests.datamodules.occluders.conftest import ALIGNED

MakeFace = Callable[..., tuple[UInt8Image, Landmarks]]
ALL = Blending(colour_transfer=(0.2, 0.8), feather=(0.5, 2.0), shadow=(0.2, 0.6))


def on(face: UInt8Image, category: str = "doctor_mask", seed: int = 0, **settings: Any) -> Occluded:
    occluder = TemplateOccluder(category, **settings)
    landmarks = ((ALIGNED + 0.5) * (len(face) / 112) - 0.5).astype(np.float32)
    return occluder(face, landmarks, np.random.default_rng(seed))


def own(folder: Path, image: UInt8Image) -> Path:
    """A folder with one occluder that is laid on the eyes."""
    cv2.imwrite(str(folder / "a.png"), cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA))
    height, width = image.shape[:2]
    anchors = {"left_eye": [width / 4, height / 2], "right_eye": [width * 3 / 4, height / 2]}
    entries = {"occluders": [{"file": "a.png", "category": "patch", "anchors": anchors}]}
    (folder / "occluders.yaml").write_text(yaml.safe_dump(entries))
    return folder


def disc(colour: tuple[int, int, int], noise: int = 0) -> UInt8Image:
    image = np.full((200, 300, 4), (*colour, 0), np.uint8)
    alpha = np.zeros((200, 300), np.uint8)
    cv2.ellipse(alpha, (150, 100), (130, 80), 0, 0, 360, 255, -1, cv2.LINE_AA)
    image[..., 3] = alpha
    if noise:
        grain = np.random.default_rng(0).integers(-noise, noise + 1, (200, 300, 3))
        image[..., :3] = np.clip(image[..., :3] + grain, 0, 255)
    return image


@pytest.mark.parametrize("category", [*CATEGORIES, "sunglasses+scarf"])
def test_colour_transfer_and_shadow_leave_the_label_map(category: str, make_face: MakeFace) -> None:
    face, _ = make_face()
    for seed in range(4):
        plain = on(face, category, seed)
        blended = on(face, category, seed, blending=Blending(colour_transfer=(0.3, 1.0), shadow=(0.2, 0.8)))
        np.testing.assert_array_equal(blended.mask, plain.mask)
        assert (blended.image != plain.image).any()


def test_blending_by_nothing_is_plain_pasting(make_face: MakeFace) -> None:
    face, _ = make_face()
    for seed in range(4):
        plain, blended = on(face, seed=seed), on(face, seed=seed, blending=Blending())
        np.testing.assert_allclose(blended.image.astype(int), plain.image, atol=1)
        np.testing.assert_array_equal(blended.mask, plain.mask)


def test_a_generator_decides_all(make_face: MakeFace) -> None:
    face, _ = make_face()
    before = face.copy()
    one, same, other = (on(face, seed=seed, blending=ALL) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.mask, same.mask)
    assert (one.image != other.image).any()
    np.testing.assert_array_equal(face, before)


@pytest.mark.parametrize("feather", [0.0, 1.0, 4.0])
def test_what_is_labelled_is_covered_by_half(tmp_path: Path, feather: float) -> None:
    """White on black shows alpha itself: it is at least a half exactly where the label map is 1."""
    black = np.zeros((224, 224, 3), np.uint8)
    settings: dict[str, Any] = {"folder": own(tmp_path, disc((255, 255, 255))), "jitter": 0.0}
    found = on(black, "patch", blending=Blending(feather=(feather, feather)), **settings)
    seen = found.image[..., 0].astype(int)
    assert (seen[found.mask == 1] >= 126).all()
    assert (seen[found.mask == 0] <= 129).all()
    between = int(((seen > 20) & (seen < 235)).sum())
    plain = on(black, "patch", **settings).image[..., 0]
    edge = int(((plain > 20) & (plain < 235)).sum())
    assert between > {0.0: 0, 1.0: 1.5, 4.0: 5}[feather] * edge
    assert abs(int(found.mask.sum()) - int((plain >= 128).sum())) < 0.06 * found.mask.sum()


def test_a_feathered_edge_shows_no_halo(tmp_path: Path) -> None:
    """An occluder of the face's own colour leaves nothing to be seen, wherever it is soft."""
    face = np.full((112, 112, 3), (180, 140, 120), np.uint8)
    settings: dict[str, Any] = {"folder": own(tmp_path, disc((180, 140, 120))), "jitter": 0.0}
    found = on(face, "patch", blending=Blending(feather=(3.0, 3.0)), **settings)
    np.testing.assert_allclose(found.image.astype(int), face, atol=4)  # eight bits hold little colour of a faint pixel


def test_full_transfer_gives_mean_and_spread_of_the_face_around(tmp_path: Path) -> None:
    grain = np.random.default_rng(1).normal(0, 12, (112, 112, 3))
    face = np.clip(np.array((170, 130, 110)) + grain, 0, 255).astype(np.uint8)
    settings: dict[str, Any] = {"folder": own(tmp_path, disc((40, 70, 160), noise=10)), "jitter": 0.0}
    found = on(face, "patch", blending=Blending(colour_transfer=(1.0, 1.0)), **settings)
    inside = cv2.erode(found.mask, np.ones((5, 5), np.uint8)) == 1
    np.testing.assert_allclose(found.image[inside].mean(0), (170, 130, 110), atol=6)
    half = on(face, "patch", blending=Blending(colour_transfer=(0.5, 0.5)), **settings).image[inside].mean(0)
    assert ((half > (40, 70, 110)) & (half < (170, 130, 160))).all()


def test_a_shadow_darkens_what_is_not_covered_and_nothing_else(tmp_path: Path) -> None:
    face = np.full((224, 224, 3), 200, np.uint8)
    settings: dict[str, Any] = {"folder": own(tmp_path, disc((90, 90, 90))), "jitter": 0.0}
    plain = on(face, "patch", **settings)
    found = on(face, "patch", blending=Blending(shadow=(0.5, 0.5)), **settings)
    inside = cv2.erode(plain.mask, np.ones((5, 5), np.uint8)) == 1
    np.testing.assert_allclose(found.image[inside].astype(int), plain.image[inside], atol=1)
    assert (found.image.astype(int) <= plain.image.astype(int) + 1).all()
    rows = np.flatnonzero(plain.mask.any(axis=1))
    below, above = (face[0, 0, 0] - found.image[row, 112, 0].astype(int) for row in (rows[-1] + 4, rows[0] - 4))
    assert below > above > 0
    assert below > 30
    far = cv2.dilate(plain.mask, np.ones((91, 91), np.uint8)) == 0
    assert (found.image[far] == 200).all()


def test_an_occluder_that_the_border_cuts_does_not_fade_there(tmp_path: Path) -> None:
    face = np.zeros((112, 112, 3), np.uint8)
    folder = own(tmp_path, disc((255, 255, 255)))
    high = (ALIGNED - (0, 50)).astype(np.float32)
    occluder = TemplateOccluder("patch", folder=folder, jitter=0, blending=Blending(feather=(4.0, 4.0)))
    found = occluder(face, high, np.random.default_rng(0))
    assert found.image[0, 56, 0] > 250
    assert found.mask[0, 56] == 1


def test_a_mixture_blends_all_of_its_occluders(make_face: MakeFace) -> None:
    face, landmarks = make_face()
    plain, blended = (
        TemplateMixture({"cup": 1.0}, blending=blending).component("cup")(face, landmarks, np.random.default_rng(0))
        for blending in (None, Blending(shadow=(0.5, 0.5)))
    )
    assert blended.image.mean() < plain.image.mean()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("colour_transfer", (0.0, 1.1)),
        ("feather", (-1.0, 1.0)),
        ("shadow", (0.5, 0.2)),
        ("shadow", (0.0, float("nan"))),
    ],
)
def test_refuses_a_range(setting: str, value: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=f"Expected `{setting}` as a range in \\[0, "):
        Blending(**{setting: value})
