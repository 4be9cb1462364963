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
from datamodules.occluders.anchors import FACE
from datamodules.occluders.drawn import CATEGORIES, drawn_sprite
from datamodules.protocols.lfw_occ.exact_arithmetic import ONE, Sheet, halve, levels_of
from datamodules.seams.face_source import UInt8Image
from datamodules.whole_file import write_whole

_BGRA = [2, 1, 0, 3]  # OpenCV's order, there and back
FOLDER = Path(__file__).parents[2] / "occluders" / "held_out"
NUM_INSTANCES = 16
PIXEL = 2
"""Face units to a pixel: enough for faces whose eyes are 40 pixels apart, a little soft beyond."""

WINDOWS: Mapping[str, tuple[int, int, int, int]] = {
    "sunglasses": (-112, -60, 112, 70),
    "party_mask": (-150, -170, 150, 90),
    "scarf": (-170, 0, 170, 330),
    "doctor_mask": (-112, -20, 112, 190),
    "cup": (-130, 40, 130, 270),
}
"""Left, top, right, bottom in face units: the part of the face that every instance of a category is drawn on."""

PIXELS: Mapping[str, str] = {
    "sunglasses": "d58457bb37ad4701455e9526495136216fd7ed8357f36019a9074a44d4143681",
    "party_mask": "b9c8992186ca7d6bea851ead05822acfec3ceefc7807efbda8b22327ae8e1c85",
    "scarf": "a0cc8b51b31140fa63400eabfa69b28d07dd65470cb1138be63e3a4054511e6d",
    "doctor_mask": "ff7a0edcc403f237cb979bdcd0391c03ac3f92e224083b16546458414361803f",
    "cup": "b0b2e7ef2f8d76df72d13ade9624daef29a107a1b8b3f5bad0e371873487b36c",
}
"""SHA-256 of the pixels of each category's image."""


@cache
def instances(category: str) -> tuple[Sheet, ...]:
    """Return the instances of a category, in face units.

    Raises:
        ValueError: If the category is unknown.
        DataError: If its image is missing or another one.
    """
    if category not in WINDOWS:
        raise ValueError(f"Expected an occluder category among {sorted(WINDOWS)}, got {category!r}")
    left, top, right, bottom = WINDOWS[category]
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
    left, top, right, bottom = WINDOWS[category]
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
    if pixels_hash(atlas) != PIXELS[category]:
        raise DataError(f"{path}: expected pixels of SHA-256 {PIXELS[category]}, got {pixels_hash(atlas)}")
    return atlas


def freeze(folder: Path) -> dict[str, str]:
    """Draw and write the image of every category; return the hashes of their pixels."""
    hashes = {}
    for category in CATEGORIES:
        atlas = atlas_of(category)
        _, png = cv2.imencode(".png", atlas[..., _BGRA], [cv2.IMWRITE_PNG_COMPRESSION, 9])
        write_whole(folder / f"{category}.png", png.tobytes())
        hashes[category] = pixels_hash(atlas)
    return hashes
