"""Reads a user's own occluder images: files with transparency, listed in ``occluders.yaml``."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from datamodules.errors import DataError
from datamodules.occluders.anchors import ANCHORS, FITS, Fit, fit_solver
from datamodules.occluders.drawn import SPLITS, Split
from datamodules.occluders.reduced_image import reduced
from datamodules.occluders.rgba_image import read_rgba
from datamodules.occluders.sprite import Play, Sprite, make_sprite
from datamodules.yaml_file import read_yaml

LISTING = "occluders.yaml"
Choice = TypeVar("Choice", bound=str)
_PLAY = Play(shift=2.5, degrees=2.5, scale=0.04)
_KEYS = ("file", "category", "anchors", "fit", "split", "opacity")
_REQUIRED = _KEYS[:3]


@dataclass(frozen=True)
class OwnImage:
    """One entry of the listing."""

    path: Path
    category: str
    anchors: Mapping[str, tuple[float, float]]
    """Points of the face in pixels of the image."""
    fit: Fit = "similarity"
    split: Split = "train"
    opacity: float = 1.0
    """Factor on the image's alpha when drawn; the label map keeps the alpha itself."""


def read_listing(folder: Path | str) -> list[OwnImage]:
    """Read and check ``occluders.yaml`` of a folder of occluder images.

    .. code-block:: yaml

        occluders:
          - file: aviator.png          # RGBA, any size; reduced by area averages
            category: sunglasses       # a built-in one, or a new name
            anchors:                   # pixels (x, y) of the image, from its upper left corner
              left_eye: [210, 150]     # left and right as seen
              right_eye: [590, 150]
            opacity: 0.9               # optional, default 1: tinted, and still labelled as occluder
          - file: ffp2.png
            category: respirator
            anchors: {nose: [300, 80], mouth: [300, 260], left_eye: [90, -140], right_eye: [510, -140]}
            fit: affine                # optional, default similarity
            split: held_out            # optional, default train

    Anchors are two or more points (an affine fit needs three) among ``left_eye``, ``right_eye``, ``nose``,
    ``mouth_left``, ``mouth_right``, ``between_eyes``, ``mouth``, ``chin`` and ``forehead``; the last four
    follow from the five landmarks. They may lie up to one image size outside the image: a face mask ends
    below the eyes.

    Raises:
        DataError: One line that names file and key, if the folder or the listing is missing, is no YAML of
            this form, or has an unknown or missing key or a value out of range.
    """
    path = Path(folder) / LISTING
    if not path.parent.is_dir():
        raise DataError(f"{path.parent}: expected a folder of occluder images, found none")
    if not path.is_file():
        raise DataError(f"{path}: expected a list of occluder images, found no such file")
    content = read_yaml(path)
    if not isinstance(content, dict) or set(content) != {"occluders"} or not isinstance(content["occluders"], list):
        raise DataError(f"{path}: expected the single key 'occluders' with a list, got {_short(content)}")
    return [read_entry(f"{path}: occluders[{i}]", path.parent, item) for i, item in enumerate(content["occluders"])]


def load_sprite(entry: OwnImage) -> Sprite:
    """Decode one image; colour is premultiplied before it is reduced, so that no dark halo appears.

    Raises:
        DataError: If the file is missing, cannot be decoded, has no alpha channel or is empty, or an anchor
            lies farther outside the image than its size.
    """
    image = read_rgba(entry.path)
    height, width = image.shape[:2]
    for name, (x, y) in entry.anchors.items():
        if not (-width <= x < 2 * width and -height <= y < 2 * height):
            raise DataError(
                f"{entry.path}: expected anchor '{name}' within one image size of the {width} x {height} image, "
                f"got {[x, y]}"
            )
    small = reduced(image)
    anchors = {name: small.place(x, y) for name, (x, y) in entry.anchors.items()}
    opacity = np.float32(entry.opacity)
    return make_sprite(small.rgb * opacity, small.alpha * opacity, small.alpha, anchors, fit=entry.fit, play=_PLAY)


def read_entry(where: str, folder: Path, item: Any) -> OwnImage:
    """Read and check one entry of a listing, as :func:`read_listing` does.

    Args:
        where: What messages call it.
        folder: What its file is relative to.
        item: As YAML has it.

    Raises:
        DataError: If it has an unknown or missing key or a value out of range.
    """
    if not isinstance(item, dict):
        raise DataError(f"{where}: expected keys {list(_KEYS)}, got {_short(item)}")
    for key in item:
        if key not in _KEYS:
            raise DataError(f"{where}: expected keys among {list(_KEYS)}, got {key!r}")
    for key in _REQUIRED:
        if key not in item:
            raise DataError(f"{where}: expected the key '{key}', got {list(item)}")
    fit = _choice(where, "fit", item.get("fit", "similarity"), FITS)
    return OwnImage(
        path=folder / _text(where, "file", item["file"]),
        category=_category(where, item["category"]),
        anchors=_anchors(where, item["anchors"], fit),
        fit=fit,
        split=_choice(where, "split", item.get("split", "train"), SPLITS),
        opacity=_opacity(where, item.get("opacity", 1.0)),
    )


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise DataError(f"{where}: expected '{key}' as text, got {_short(value)}")
    return value


def _category(where: str, value: Any) -> str:
    name = _text(where, "category", value)
    if "+" in name or name == "none":
        raise DataError(f"{where}: expected 'category' without '+' and other than 'none', got {name!r}")
    return name


def _choice(where: str, key: str, value: Any, choices: tuple[Choice, ...]) -> Choice:
    if value not in choices:
        raise DataError(f"{where}: expected '{key}' among {list(choices)}, got {_short(value)}")
    return choices[choices.index(value)]


def _opacity(where: str, value: Any) -> float:
    if not _is_number(value) or not 0 < value <= 1:
        raise DataError(f"{where}: expected 'opacity' above 0 and up to 1, got {_short(value)}")
    return float(value)


def _anchors(where: str, value: Any, fit: Fit) -> dict[str, tuple[float, float]]:
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected 'anchors' as names with [x, y], got {_short(value)}")
    for name, point in value.items():
        if name not in ANCHORS:
            raise DataError(f"{where}: expected 'anchors' among {list(ANCHORS)}, got {name!r}")
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_number, point)):
            raise DataError(f"{where}: expected anchor '{name}' as [x, y], got {_short(point)}")
    anchors = {name: (float(x), float(y)) for name, (x, y) in value.items()}
    needed = 2 if fit == "similarity" else 3
    if len(anchors) < needed:
        raise DataError(f"{where}: expected at least {needed} 'anchors' for the {fit} fit, got {list(anchors)}")
    try:
        fit_solver(anchors, fit)
    except ValueError as error:
        raise DataError(
            f"{where}: expected 'anchors' that determine the {fit} fit (apart, and for affine not on one line), "
            f"got {_short(anchors)}"
        ) from error
    return anchors


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9  # NaN is not


def _short(value: Any) -> str:
    return reprlib.repr(value)[:60]  # a few lines of YAML can stand for more text than memory holds
