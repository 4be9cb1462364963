"""Image files that mean no good, or are more than one image."""

import io
import struct
import zlib

from PIL import Image


def png_of(width: int, height: int, *, depth: int = 1, colour: int = 0) -> bytes:
    """Return a PNG that says it is so large, and is a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def moving(kind: str) -> bytes:
    """Return two frames, the first of them red."""
    file, frames = io.BytesIO(), [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()
