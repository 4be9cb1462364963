"""Image bytes to pixels: one decoder for every source, strict about what is broken, fast where it counts."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.image_bytes import read_bytes
from datamodules.sources.orientation import png_chunks, stored_orientation, tiff_value, upright
from datamodules.sources.plain_jpeg import plain_jpeg

# OpenCV would add lines of its own to the one that names a broken image
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Extensions of images, in upper or lower case."""

_SIGNATURES = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "BMP": b"BM", "WebP": b"RIFF"}
_TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*")
_TIFF_COLOURS, _WHITE_IS_ZERO = 0x0106, 0
_PNG_BIT_DEPTH = 24  # where it stands
_LAB_COLOURS = (8, 9, 10)  # CIE, ICC and ITU L*a*b*: OpenCV would hand them over as if they were RGB
_JPEG_START_OF_SCAN, _JPEG_END_OF_IMAGE = 0xDA, b"\xff\xd9"


def read_image(path: Path, decode: Callable[..., UInt8Image] | None = None) -> UInt8Image:
    """Read an image file to ``(H, W, 3)`` uint8 RGB.

    Args:
        path: The file.
        decode: Called with its bytes and, as ``name``, its path; :func:`decode_image` by default.

    Raises:
        DataError: If it cannot be read or decoded; the message names its path.
    """
    return (decode or decode_image)(read_bytes(path), name=str(path))


def decode_image(data: bytes, *, name: str) -> UInt8Image:
    """Decode a JPEG, PNG, BMP, WebP or TIFF image to 8-bit RGB.

    * Grey, palette, 1-bit and CMYK images become RGB.
    * 16-bit channels are scaled, ``round(value / 257)``: 0 stays 0 and 65535 becomes 255.
    * Transparent images are laid over black, the colour beyond the borders of an aligned crop. What hides
      under transparent pixels never shows.
    * The orientation that a file's EXIF data, or a TIFF's own tag, names is applied, as viewers do.
    * Of several frames or pages the first is taken. Bytes after a complete image are ignored.

    Args:
        data: The whole image file.
        name: What to call the image in a message.

    Returns:
        RGB image of shape ``(H, W, 3)``, C-contiguous.

    Raises:
        DataError: If the format is another one, or the image is truncated or cannot be decoded.

    Example:
        >>> white = cv2.imencode(".png", np.full((2, 3), 65535, dtype=np.uint16))[1].tobytes()
        >>> image = decode_image(white, name="white.png")
        >>> image.shape, image.dtype, int(image.min())
        ((2, 3, 3), dtype('uint8'), 255)
        >>> decode_image(white[:40], name="white.png")
        Traceback (most recent call last):
        datamodules.errors.DataError: white.png: expected a complete PNG, got 40 bytes without an IEND chunk
    """
    kind = complete_format(data, name=name)
    if kind == "TIFF" and tiff_value(data, _TIFF_COLOURS) in _LAB_COLOURS:
        raise DataError(f"{name}: expected grey, palette, RGB or CMYK pixels, got a TIFF of L*a*b* colours")
    if kind == "JPEG" and (plain := plain_jpeg(data)) is not None:
        return plain
    # a JPEG has no alpha and 8 bits: OpenCV's own conversion is right
    pixels = _imdecode(data, cv2.IMREAD_COLOR_RGB if kind == "JPEG" else cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise DataError(f"{name}: expected a {kind} that can be decoded, got {len(data)} broken or truncated bytes")
    if kind == "JPEG":
        return pixels
    pixels = _to_rgb(_to_8_bits(_as_meant(pixels, data, kind), name), name)
    orientation = stored_orientation(data, kind)
    return pixels if orientation == 1 else upright(pixels, orientation)


def complete_format(data: bytes, *, name: str) -> str:
    """Return the format of an image file that is not cut short.

    Args:
        data: The whole image file.
        name: What to call the image in a message.

    Raises:
        DataError: If the format is none of those that :func:`decode_image` knows, or a part is missing.
    """
    kind = _format_of(data)
    if kind is None:
        start = data[:8].hex(" ") or "nothing"
        raise DataError(f"{name}: expected a JPEG, PNG, BMP, WebP or TIFF image, got {len(data)} bytes: {start}")
    defect = _defect_of(data, kind)
    if defect is not None:
        raise DataError(f"{name}: expected a complete {kind}, got {len(data)} bytes {defect}")
    return kind


def _format_of(data: bytes) -> str | None:
    for kind, signature in _SIGNATURES.items():
        if data.startswith(signature):
            return kind
    return "TIFF" if data.startswith(_TIFF_SIGNATURES) else None


def _defect_of(data: bytes, kind: str) -> str | None:
    """Say what is missing. OpenCV fills a JPEG that stops short of its data with grey, and says nothing."""
    if kind == "JPEG":
        return _jpeg_defect(data)
    if kind == "PNG":
        return _png_defect(data)
    if kind == "WebP" and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        return f"of {8 + int.from_bytes(data[4:8], 'little')}"
    return None


def _jpeg_defect(data: bytes) -> str | None:
    """Look for the end-of-image marker behind the header segments: an EXIF thumbnail in there has its own."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xFF:  # fill byte before a marker
            position += 1
            continue
        position += 2 + length
        if marker == _JPEG_START_OF_SCAN:
            break
    # Within scans 0xFF is followed by 0x00 or a restart marker, so the first match is the end.
    return None if data.find(_JPEG_END_OF_IMAGE, position) >= 0 else "without an end-of-image marker"


def _png_defect(data: bytes) -> str | None:
    position = 8
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            return f"ending inside chunk {_chunk_name(kind)}"
        checksum = int.from_bytes(data[end - 4 : end], "big")
        # Chunks in lower case are ancillary: a wrong checksum there harms no pixel.
        if kind[:1].isupper() and zlib.crc32(data[position + 4 : end - 4]) != checksum:
            return f"with a wrong checksum in chunk {_chunk_name(kind)} at byte {position}"
        if kind == b"IEND":
            return None
        position = end
    return "without an IEND chunk"


def _chunk_name(kind: bytes) -> str:
    return kind.decode() if kind.isalpha() else kind.hex(" ")


def _imdecode(data: bytes, flags: int) -> NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error:  # for instance more pixels than OpenCV allows
        return None


def _as_meant(pixels: NDArray[Any], data: bytes, kind: str) -> NDArray[Any]:
    """Mend the two kinds of grey image that OpenCV hands over as they are stored."""
    if kind == "TIFF" and pixels.dtype == np.uint16 and tiff_value(data, _TIFF_COLOURS) == _WHITE_IS_ZERO:
        return np.asarray(~pixels)
    if kind == "PNG" and pixels.ndim == 2:
        for level in png_chunks(data, b"tRNS"):  # the one grey level that is transparent, in the file's own bits
            scale = 255 // ((1 << data[_PNG_BIT_DEPTH]) - 1) if pixels.dtype == np.uint8 else 1
            pixels = np.where(pixels == int.from_bytes(level[:2], "big") * scale, 0, pixels).astype(pixels.dtype)
    return pixels


def _to_8_bits(pixels: NDArray[Any], name: str) -> UInt8Image:
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise DataError(f"{name}: expected 8 or 16 unsigned bits per channel, got {pixels.dtype}")
    return pixels


def _to_rgb(pixels: UInt8Image, name: str) -> UInt8Image:
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), dtype=np.uint8)
    if channels == 3:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    if channels == 4:
        colour = pixels[..., 2::-1].astype(np.uint16)  # (H, W, 3)
        return ((colour * pixels[..., 3:] + 127) // 255).astype(np.uint8)
    raise DataError(f"{name}: expected 1, 3 or 4 channels, got {channels}")
