"""The usual JPEG, decoded by the library that is fastest at it."""

import simplejpeg

from datamodules.seams.face_source import UInt8Image

LARGEST = 1 << 26
"""Pixels; what claims more is left to a decoder that bounds what it allocates."""


def plain_jpeg(data: bytes) -> UInt8Image | None:
    """Decode a sound grey or YCbCr JPEG that is not to be turned to ``(H, W, 3)`` RGB; ``None`` for any other file.

    Pixels are those of OpenCV, which takes 1.1 to 1.3 times as long (``experiments.benchmarks.jpeg_decoding``) and
    is left all else: CMYK, EXIF data, which may say that the image is to be turned, and what has a defect, which it
    bears or refuses.

    Args:
        data: The whole image file.
    """
    if b"Exif\0\0" in data:
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in ("Gray", "YCbCr") or height * width > LARGEST:
            return None
        pixels: UInt8Image = simplejpeg.decode_jpeg(data, "RGB")
    except (ValueError, RuntimeError):
        return None
    return pixels
