"""The occluders of LFW-occ: 16 held-out instances of each category, frozen as images beside the drawn ones.

Drawing is done in float32, whose last bits differ between processors and versions; an image file's do not. What is
drawn for training may change, a benchmark's occluders may not.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.occluders.drawn import CATEGORIES, FrozenCategory, drawn_sprite
from datamodules.protocols.lfw_occ.exact_arithmetic import ONE, Sheet, halve, levels_of
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.canonical_face import FACE
from datamodules.whole_file import write_whole

_BGRA = [2, 1, 0, 3]  # OpenCV's order, there and back
FOLDER = Path(__file__).parents[2] / "occluders" / "held_out"
NUM_INSTANCES = 16
PIXEL = 2
"""Face units to a pixel: enough for faces whose eyes are 40 pixels apart, a little soft beyond."""

LFW_OCC_CATEGORIES: Mapping[str, FrozenCategory] = {
    name: category.frozen for name, category in CATEGORIES.items() if category.frozen is not None
}
"""The built-in categories of which instances are frozen, and what is."""


def check_frozen(category: str) -> None:
    """Refuse a category that is no part of LFW-occ.

    Raises:
        ValueError: If it is none, or none of its instances are frozen.
    """
    if category not in LFW_OCC_CATEGORIES:
        why = ", of which LFW-occ has no frozen instances" if category in CATEGORIES else ""
        raise ValueError(f"Expected an occluder category among {sorted(LFW_OCC_CATEGORIES)}, got {category!r}{why}")


@cache
def instances(category: str) -> tuple[Sheet, ...]:
    """Return the instances of a category, in face units.

    Raises:
        ValueError: If the category is no part of LFW-occ.
        DataError: If its image is missing or another one.
    """
    check_frozen(category)
    left, top, right, bottom = CATEGORIES[category].window
    size = (bottom - top) // PIXEL, (right - left) // PIXEL
    atlas = _read(category, (NUM_INSTANCES * size[0], 2 * size[1], 4))
    cells = atlas.reshape(NUM_INSTANCES, size[0], 2, size[1], 4)  # rgba beside shape
    sheets = np.concatenate([cells[:, :, 0], cells[:, :, 1, :, :1]], axis=-1)  # (16, h, w, 5)
    corner = (2 * left - 1) * ONE // 2, (2 * top - 1) * ONE // 2  # whole numbers are centres of pixels
    return tuple(Sheet(levels_of(sheet), *corner, PIXEL) for sheet in sheets)


def atlas_of(category: str) -> UInt8Image:
    """Draw what the image of a category holds: instances below each other, ``(16 h, 2 w, 4)``.

    On the left red, green and blue premultiplied by alpha, and alpha; on the right the shape as grey. Where there
    is no shape, as in shadows, there is nothing.
    """
    return np.concatenate([_cell(category, index) for index in range(NUM_INSTANCES)])


def pixels_hash(pixels: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of pixels, row by row."""
    return sha256(pixels.tobytes()).hexdigest()


def _cell(category: str, index: int) -> UInt8Image:
    left, top, right, bottom = CATEGORIES[category].window
    sprite = drawn_sprite(category, "held_out", index)
    level = sprite.levels[0]
    to_face = (sprite.solver @ FACE.ravel()).reshape(2, 3) @ level.to_sprite
    x, y = (round(offset) for offset in to_face[:, 2] - (left, top))
    drawn = np.dstack([level.rgba, level.shape]).astype(np.int32)
    drawn[level.shape == 0] = 0
    # the sprite's rim may stick out of its window
    sheet = np.zeros((bottom - top + 8, right - left + 8, 5), np.int32)
    sheet[y + 4 : y + 4 + drawn.shape[0], x + 4 : x + 4 + drawn.shape[1]] = drawn
    half = halve(sheet[4:-4, 4:-4]).astype(np.uint8)
    shape = np.repeat(half[..., 4:], 3, axis=2)
    return np.hstack([half[..., :4], np.dstack([shape, np.full(shape.shape[:2], 255, np.uint8)])])


def _read(category: str, shape: tuple[int, ...]) -> UInt8Image:
    path = FOLDER / f"{category}.png"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected an image of occluders, got {error.strerror}") from None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if image is None or image.dtype != np.uint8 or image.shape != shape:
        raise DataError(f"{path}: expected an 8-bit image of shape {shape}, got another one")
    atlas: UInt8Image = np.asarray(image, np.uint8)[..., _BGRA]
    expected, found = LFW_OCC_CATEGORIES[category].sha256, pixels_hash(atlas)
    if found != expected:
        raise DataError(f"{path}: expected pixels of SHA-256 {expected}, got {found}")
    return atlas


def freeze(category: str, folder: Path = FOLDER) -> str:
    """Draw and write the image of a category that is to be part of LFW-occ; return the hash for its record.

    Raises:
        ValueError: If it is part of LFW-occ: another processor would draw other bits.
    """
    if category in LFW_OCC_CATEGORIES:
        raise ValueError(f"Expected a category that is not frozen yet, got {category!r}")
    atlas = atlas_of(category)
    _, png = cv2.imencode(".png", atlas[..., _BGRA], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_whole(folder / f"{category}.png", png.tobytes())
    return pixels_hash(atlas)
