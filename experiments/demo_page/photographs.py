"""Photographs that visitors bring: looked at before they are decoded, reduced while they are, refused in one line."""

import io
import stat
import warnings
from contextlib import nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import complete_format, decode_image
from datamodules.sources.image_bytes import read_bytes

LONGEST_SIDE = 1600
"""Of what is worked on, in pixels: a face of a tenth of it is still larger than any network takes."""
MOST_BYTES = 64 * 2**20
MOST_PIXELS = {"JPEG": 120_000_000, "PNG": 64_000_000, "BMP": 64_000_000, "WebP": 64_000_000}
"""By format; larger images are refused by what their header says, before anything is decoded."""
DECODED_WHOLE = 16_000_000
"""Pixels up to which all is decoded as it is. Larger JPEGs come out of the decoder at a fraction of their size; larger
images that have more than eight bits a channel, or may have, or are transparent, are refused."""
DECODED_AT_ONCE = 4_000_000
"""Pixels up to which several are decoded at once; of larger images one at a time, or they would not fit into memory."""
PNG_DEPTH = 24  # where it stands in the file
_TURN = Lock()
REDUCED = ((2, cv2.IMREAD_REDUCED_COLOR_2), (4, cv2.IMREAD_REDUCED_COLOR_4), (8, cv2.IMREAD_REDUCED_COLOR_8))


def read_photograph(path: Path | str, *, name: str) -> UInt8Image:
    """Return a photograph as ``(H, W, 3)`` uint8 RGB, with no side longer than :data:`LONGEST_SIDE`.

    Args:
        path: The file.
        name: What to call it in a message.

    Raises:
        DataError: If it is none that can be decoded, or larger than is decoded here.
    """
    file = Path(path)
    try:
        found = file.stat()
    except OSError as error:
        raise DataError(f"{name}: expected an image file, got {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
        raise DataError(f"{name}: expected an image file, got {stat.filemode(found.st_mode)}, which is none")
    if found.st_size > MOST_BYTES:
        raise DataError(f"{name}: expected a file of at most {MOST_BYTES >> 20} MB, got {found.st_size / 2**20:.0f} MB")
    return reduced(decoded(read_bytes(file), name=name))


def decoded(data: bytes, *, name: str) -> UInt8Image:
    """Return the pixels of an image file; those of a large JPEG at a half, a quarter or an eighth of its size.

    Raises:
        DataError: If it is none, is moving, or says in its header that it has more pixels than are decoded here.
    """
    kind = complete_format(data, name=_still(data, name))
    said = _said(data, name)
    _check_size(data, kind, said, name)
    with nullcontext() if said.pixels <= DECODED_AT_ONCE else _TURN:
        if kind == "JPEG" and said.pixels > DECODED_WHOLE:
            return _decoded_jpeg(data, max(said.width, said.height), name)
        return decode_image(data, name=name)


def reduced(image: UInt8Image, longest: int = LONGEST_SIDE) -> UInt8Image:
    """Return an image whose longer side is at most so many pixels.

    Example:
        >>> reduced(np.zeros((400, 100, 3), np.uint8), 200).shape
        (200, 50, 3)
    """
    height, width = image.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


class _Said(NamedTuple):
    """What an image's header says."""

    width: int
    height: int
    is_transparent: bool

    @property
    def pixels(self) -> int:
        return self.width * self.height


def _check_size(data: bytes, kind: str, said: _Said, name: str) -> None:
    takes_more = said.is_transparent or (kind == "PNG" and data[PNG_DEPTH] > 8)
    most = DECODED_WHOLE if takes_more else MOST_PIXELS.get(kind, DECODED_WHOLE)
    if said.pixels > most:
        wanted = f"a {kind} of at most {most / 1e6:.0f} megapixels"
        raise DataError(f"{name}: expected {wanted}, got {said.width:,} × {said.height:,} pixels")


def _decoded_jpeg(data: bytes, longest: int, name: str) -> UInt8Image:
    flag = next((flag for factor, flag in REDUCED if longest / factor <= 2 * LONGEST_SIDE), REDUCED[-1][1])
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if pixels is None:
        raise DataError(f"{name}: expected a JPEG that can be decoded, got {len(data)} broken bytes")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _still(data: bytes, name: str) -> str:
    """Return the name of what is no moving picture."""
    if data.startswith((b"GIF87a", b"GIF89a")):
        raise DataError(f"{name}: expected a photograph, a JPEG, PNG, BMP, WebP or TIFF image, got a GIF")
    if data.startswith(b"%PDF"):
        raise DataError(f"{name}: expected a photograph, a JPEG, PNG, BMP, WebP or TIFF image, got a PDF document")
    return name


def _said(data: bytes, name: str) -> _Said:
    """Return what a header says; nothing is decoded for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own bounds, where ours are told
        try:
            with Image.open(io.BytesIO(data)) as header:
                return _Said(*header.size, "A" in header.mode or "transparency" in header.info)
        except Image.DecompressionBombError:
            most = f"{max(MOST_PIXELS.values()) / 1e6:.0f} megapixels"
            raise DataError(f"{name}: expected a photograph of at most {most}, got far more") from None
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise DataError(f"{name}: expected an image with a header that can be read, got a broken one") from error
