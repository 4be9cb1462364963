"""How an image file is to be turned before it is seen, and the one structure that says so: a TIFF directory."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112
_SHORT, _LONG = 3, 4
_ENTRY_BYTES = 12


def stored_orientation(data: bytes, kind: str) -> int:
    """Return the EXIF orientation that OpenCV leaves to its caller: that of a PNG or WebP image.

    A JPEG's and a TIFF's is applied while it is decoded, and a BMP has none: all of these are 1 here.

    Args:
        data: The whole image file.
        kind: ``"PNG"``, ``"WebP"`` or another format.

    Returns:
        1 to 8, and 1 where the file says nothing that can be read.
    """
    chunks = {"PNG": _png_exif, "WebP": _webp_exif}.get(kind)
    for exif in chunks(data) if chunks else ():
        found = tiff_value(exif.removeprefix(b"Exif\0\0"), _ORIENTATION)
        if found is not None and 1 <= found <= 8:
            return found
    return 1


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror ``(H, W, …)`` pixels of an EXIF orientation as viewers do.

    Example:
        >>> upright(np.array([[1, 2], [3, 4]]), 6).tolist()  # stored lying on its left side
        [[3, 1], [4, 2]]
    """
    if orientation >= 5:  # rows are columns
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def tiff_value(data: bytes, tag: int) -> int | None:
    """Return the first number of a tag in the first directory of TIFF data, or ``None`` where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for position in range(start + 2, start + 2 + _ENTRY_BYTES * count, _ENTRY_BYTES):
            found, kind = struct.unpack_from(f"{order}HH", data, position)
            if found == tag and kind in (_SHORT, _LONG):
                (value,) = struct.unpack_from(f"{order}{'H' if kind == _SHORT else 'I'}", data, position + 8)
                return int(value)
    except struct.error:  # cut short
        pass
    return None


def png_chunks(data: bytes, name: bytes) -> Iterator[bytes]:
    """Yield the content of every chunk of a PNG file that has one name."""
    return _chunks(data, 8, name, ">I4s", after=4, multiple=1)


def _png_exif(data: bytes) -> Iterator[bytes]:
    return png_chunks(data, b"eXIf")


def _webp_exif(data: bytes) -> Iterator[bytes]:
    return _chunks(data, 12, b"EXIF", "<4sI", after=0, multiple=2)


def _chunks(data: bytes, position: int, wanted: bytes, head: str, after: int, multiple: int) -> Iterator[bytes]:
    """Yield the content of every chunk of one name.

    Args:
        data: The whole file.
        position: Where its first chunk starts.
        wanted: The chunk's name.
        head: Length and name of a chunk, as ``struct`` reads them, in either order.
        after: Bytes between the content and the next chunk.
        multiple: What the length is padded to.
    """
    if wanted not in data:
        return
    while position + 8 <= len(data):
        fields = struct.unpack_from(head, data, position)
        name, length = fields if isinstance(fields[0], bytes) else fields[::-1]
        if name == wanted:
            yield data[position + 8 : position + 8 + length]
        position += 8 + length + -length % multiple + after
