"""A user's own occluder images: they work as the drawn ones do, and every refusal names file and key."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from datamodules.errors import DataError
from datamodules.occluders import TemplateMixture, TemplateOccluder
from datamodules.occluders.own_images import OwnImage, load_sprite, read_listing
from datamodules.seams.face_source import Landmarks, UInt8Image

MakeFace = Callable[..., tuple[UInt8Image, Landmarks]]
EYES = {"left_eye": [200, 150], "right_eye": [600, 150]}
RED = (200, 30, 40)


def bar(height: int = 300, width: int = 800) -> UInt8Image:
    """A red bar, RGBA, with black beneath its transparent surroundings."""
    image = np.zeros((height, width, 4), np.uint8)
    image[40:-40, 40:-40] = (*RED, 255)
    return image


def write(folder: Path, *entries: dict[str, Any], image: UInt8Image | None = None) -> Path:
    rgba = bar() if image is None else image
    cv2.imwrite(str(folder / "bar.png"), cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    (folder / "occluders.yaml").write_text(yaml.safe_dump({"occluders": list(entries)}))
    return folder


def entry(**changes: Any) -> dict[str, Any]:
    return {"file": "bar.png", "category": "bar", "anchors": EYES} | changes


def test_is_placed_by_its_anchors(tmp_path: Path, make_face: MakeFace) -> None:
    occluder = TemplateOccluder("bar", folder=write(tmp_path, entry()), jitter=0)
    image, landmarks = make_face()
    result = occluder(image, landmarks, np.random.default_rng(0))
    assert result.occluder == "bar"
    rows, columns = np.flatnonzero(result.mask.any(axis=1)), np.flatnonzero(result.mask.any(axis=0))
    scale = 35.2 / 400  # image pixels per sprite pixel
    assert (columns[-1] - columns[0] + 1) == pytest.approx(720 * scale, abs=1.5)
    assert (rows[-1] - rows[0] + 1) == pytest.approx(220 * scale, abs=1.5)
    assert result.image[52, 56].tolist() == list(RED)


def test_soft_edges_show_no_dark_halo(tmp_path: Path) -> None:
    """On a face of the occluder's own colour, the colour beneath transparent pixels must not shine through."""
    face = np.full((112, 112, 3), RED, np.uint8)
    landmarks = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.6, 92.4), (70.7, 92.2)], np.float32)
    occluder = TemplateOccluder("bar", folder=write(tmp_path, entry()), jitter=0)
    result = occluder(face, landmarks, np.random.default_rng(0))
    np.testing.assert_allclose(result.image.astype(int), face, atol=2)


def test_high_resolution_is_reduced_without_aliasing(tmp_path: Path, make_face: MakeFace) -> None:
    """One-pixel stripes become their average, at every size."""
    image = bar()
    image[40:-40, 40:-40:2, :3] = 255
    image[40:-40, 41:-40:2, :3] = 55
    occluder = TemplateOccluder("bar", folder=write(tmp_path, entry(), image=image))
    for size in (48, 112, 224):
        face, landmarks = make_face(size)
        for seed in range(3):
            result = occluder(face, landmarks, np.random.default_rng(seed))
            inner = cv2.erode(result.mask, np.ones((7, 7), np.uint8), borderValue=0) == 1
            grey = result.image[inner].astype(float)
            assert np.ptp(grey, axis=0).max() < 10
            assert grey.mean() == pytest.approx(155, rel=0.3)  # the recolouring is random


def test_opacity_tints_and_the_label_stays(tmp_path: Path, make_face: MakeFace) -> None:
    face = make_face()
    solid = TemplateOccluder("bar", folder=write(tmp_path, entry()), jitter=0)(*face, np.random.default_rng(0))
    tinted = TemplateOccluder("bar", folder=write(tmp_path, entry(opacity=0.3)), jitter=0)(
        *face, np.random.default_rng(0)
    )
    np.testing.assert_array_equal(solid.mask, tinted.mask)
    inner = cv2.erode(solid.mask, np.ones((5, 5), np.uint8)) == 1
    expected = 0.7 * face[0][inner] + 0.3 * solid.image[inner]
    np.testing.assert_allclose(tinted.image[inner], expected, atol=3)


def test_affine_follows_a_stretched_face(tmp_path: Path, make_face: MakeFace) -> None:
    anchors = {"left_eye": [40, 0], "right_eye": [759, 0], "mouth": [400, 299]}
    folder = write(tmp_path, entry(anchors=anchors, fit="affine"))
    image, landmarks = make_face()
    landmarks[3:, 1] += 15
    mask = TemplateOccluder("bar", folder=folder, jitter=0)(image, landmarks, np.random.default_rng(0)).mask
    rows = np.flatnonzero(mask.any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(220 / 299 * (107.3 - 51.6), abs=1.5)


def test_own_images_replace_the_drawn_ones_of_their_category(tmp_path: Path, make_face: MakeFace) -> None:
    folder = write(tmp_path, entry(category="sunglasses"), entry(split="held_out"))
    mixture = TemplateMixture({"sunglasses": 1, "cup": 1}, folder=folder, num_instances=2, jitter=0)
    image, landmarks = make_face()
    own = mixture.component("sunglasses")(image, landmarks, np.random.default_rng(0))
    assert own.image[52, 56].tolist() == list(RED)
    assert mixture.component("cup")(image, landmarks, np.random.default_rng(0)).mask.any()


def test_splits_are_kept_apart(tmp_path: Path) -> None:
    folder = write(tmp_path, entry(split="held_out"))
    TemplateOccluder("bar", split="held_out", folder=folder)
    with pytest.raises(DataError, match=r"occluders.yaml: expected an image of category 'bar' for 'split: train'"):
        TemplateOccluder("bar", folder=folder)


def test_an_unknown_category_names_the_folders_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"among .*'bar', 'cup'.*, got 'hat'"):
        TemplateOccluder("hat", folder=write(tmp_path, entry()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"colour": 1}, "among .*'opacity'.*, got 'colour'", id="unknown-key"),
        pytest.param({"file": 3}, "'file' as text, got 3", id="file-no-text"),
        pytest.param({"category": ""}, "'category' as text", id="category-empty"),
        pytest.param({"category": "a+b"}, r"without '\+' and other than 'none', got 'a\+b'", id="category-combined"),
        pytest.param({"fit": "tps"}, r"'fit' among \['similarity', 'affine'\], got 'tps'", id="unknown-fit"),
        pytest.param({"split": "test"}, r"'split' among \['train', 'held_out'\], got 'test'", id="unknown-split"),
        pytest.param({"opacity": 0}, "'opacity' above 0 and up to 1, got 0", id="opacity-zero"),
        pytest.param({"opacity": True}, "'opacity' above 0", id="opacity-no-number"),
        pytest.param({"anchors": [1]}, r"'anchors' as names with \[x, y\]", id="anchors-no-mapping"),
        pytest.param({"anchors": EYES | {"ear": [1, 2]}}, "'anchors' among .*'chin'.*, got 'ear'", id="unknown-anchor"),
        pytest.param({"anchors": EYES | {"nose": [1]}}, r"anchor 'nose' as \[x, y\], got \[1\]", id="no-point"),
        pytest.param({"anchors": {"nose": [1, 2]}}, "at least 2 'anchors' for the similarity fit", id="one-anchor"),
        pytest.param({"fit": "affine"}, "at least 3 'anchors' for the affine fit", id="two-for-affine"),
        pytest.param(
            {"anchors": {"nose": [1, 2], "chin": [1, 2]}}, "that determine the similarity fit", id="same-point"
        ),
    ],
)
def test_refuses_an_entry(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=r"occluders.yaml: occluders\[1\]: expected " + ".*" + message) as error:
        read_listing(write(tmp_path, entry(), entry(**changes)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["file", "category", "anchors"])
def test_refuses_a_missing_key(tmp_path: Path, key: str) -> None:
    incomplete = entry()
    del incomplete[key]
    with pytest.raises(DataError, match=rf"occluders\[0\]: expected the key '{key}'"):
        read_listing(write(tmp_path, incomplete))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("occluders:\n  - {file: a", r"occluders.yaml:\d+: expected YAML, got a syntax error", id="syntax"),
        pytest.param("a: \x07", "unreadable characters", id="control-character"),
        pytest.param("", "single key 'occluders' with a list, got None", id="empty"),
        pytest.param("occluders: 3", "single key 'occluders' with a list", id="no-list"),
        pytest.param("occluders: [3]", r"occluders\[0\]: expected keys .*, got 3", id="no-entry"),
    ],
)
def test_refuses_a_listing(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "occluders.yaml").write_text(text)
    with pytest.raises(DataError, match=message) as error:
        read_listing(tmp_path)
    assert "\n" not in str(error.value)


def test_refuses_a_missing_folder_or_listing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: expected a folder of occluder images"):
        TemplateOccluder("cup", folder=tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"occluders.yaml: expected a list of occluder images"):
        TemplateOccluder("cup", folder=str(tmp_path))


BAR = cv2.imencode(".png", np.full((9, 9, 4), 255, np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(None, "expected an occluder image, found no such file", id="missing"),
        pytest.param(b"", "expected a JPEG, PNG, .* got 0 bytes", id="empty-file"),
        pytest.param(b"GIF?", "expected a JPEG, PNG, ", id="no-image"),
        pytest.param(BAR[: len(BAR) // 2], "expected a complete PNG", id="cut-short"),
        pytest.param(b"BM" + bytes(60), "cannot be decoded", id="damaged"),
        pytest.param(np.zeros((9, 9, 3), np.uint8), "expected an alpha channel", id="no-alpha"),
        pytest.param(np.zeros((9, 9), np.uint8), "expected an alpha channel", id="grey"),
        pytest.param(np.full((9, 9, 4), 9, np.uint16), "transparent everywhere", id="16-bit-transparent"),
        pytest.param(np.zeros((300, 800, 4), np.uint8), "transparent everywhere", id="transparent"),
        pytest.param(np.full((9, 9, 4), 255, np.uint8), "anchor 'left_eye' within one image size", id="anchors-off"),
    ],
)
def test_refuses_an_image(tmp_path: Path, image: Any, message: str) -> None:
    path = write(tmp_path, entry()) / "bar.png"
    path.unlink()
    if isinstance(image, bytes):
        path.write_bytes(image)
    elif image is not None:
        cv2.imwrite(str(path), image)
    with pytest.raises(DataError, match=f"bar.png: .*{message}"):
        load_sprite(read_listing(tmp_path)[0])


def test_travels_to_worker_processes(tmp_path: Path, make_face: MakeFace) -> None:
    occluder = TemplateOccluder("bar", folder=write(tmp_path, entry()))
    copy = pickle.loads(pickle.dumps(occluder))  # noqa: S301 our own bytes
    a, b = (o(*make_face(), np.random.default_rng(4)) for o in (occluder, copy))
    np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("[" * 1200, "expected YAML, got RecursionError: ", id="depth"),
        pytest.param("a: " + "9" * 5000, "expected YAML, got ValueError: ", id="digits"),
        pytest.param("a: 2020-02-30", "expected YAML, got ValueError: day is out of range", id="date"),
        pytest.param(
            "a: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)),
            "occluders.yaml:19: expected at most 1,000,000 words with aliases written out, got more",
            id="aliases of 2**60 words",
        ),
    ],
)
def test_a_listing_that_stands_for_more_than_it_holds_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "occluders.yaml").write_text(text)
    with pytest.raises(DataError, match=re.escape(reason)):
        read_listing(tmp_path)


@pytest.mark.parametrize("number", ["1" + "0" * 400, ".nan", "-.inf", "1e12"])
def test_a_number_that_is_no_place_is_refused(tmp_path: Path, number: str) -> None:
    listing = f"occluders: [{{file: a.png, category: visor, anchors: {{left_eye: [{number}, 1], right_eye: [3, 4]}}}}]"
    (tmp_path / "occluders.yaml").write_text(listing)
    with pytest.raises(DataError, match=r"occluders\[0\]: expected anchor 'left_eye' as \[x, y\], got \["):
        read_listing(tmp_path)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b.png", "."])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    anchors = {"left_eye": (0.0, 0.0), "right_eye": (2.0, 0.0)}
    with pytest.raises(DataError, match="expected an occluder image, found no such file"):
        load_sprite(OwnImage(tmp_path / name, "visor", anchors))
