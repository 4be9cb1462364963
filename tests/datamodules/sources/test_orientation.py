"""Every format is turned as its file says, as another decoder turns it; what says nothing readable stays as it is."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from datamodules.sources.decode import decode_image
from datamodules.sources.orientation import stored_orientation, tiff_value, upright
from tests.helpers.faces_on_disk import pseudo_face

FACE = pseudo_face(3, size=(24, 20))


def turned(kind: str, orientation: int, mode: str = "RGB") -> bytes:
    """Encode a face with an orientation, without loss but for JPEG."""
    image, buffer = Image.fromarray(FACE).convert(mode), io.BytesIO()
    if kind == "tiff":
        image.save(buffer, kind, tiffinfo={0x0112: orientation})
    else:
        exif = image.getexif()
        exif[0x0112] = orientation
        image.save(buffer, kind, exif=exif, **({"lossless": True} if kind == "webp" else {}))
    return buffer.getvalue()


def directory(order: str, orientation: int, kind: int = 3) -> bytes:
    """TIFF data with an orientation as its second entry."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, 2)
    value = struct.pack(f"{order}{'H' if kind == 3 else 'I'}", orientation).ljust(4, b"\0")
    return (
        head
        + struct.pack(f"{order}HHII", 0x0100, 4, 1, 20)
        + struct.pack(f"{order}HHI", 0x0112, kind, 1)
        + value
        + bytes(4)
    )


def png_with(exif: bytes, *, behind_pixels: bool = False) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(FACE).save(buffer, "png")
    data = buffer.getvalue()
    at = data.index(b"IEND") - 4 if behind_pixels else 33
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    return data[:at] + chunk + data[at:]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "mode"), [(k, m) for k in ("jpeg", "png", "webp", "tiff") for m in ("RGB", "L")])
def test_the_orientation_of_every_format_is_applied(kind: str, mode: str, orientation: int) -> None:
    data = turned(kind, orientation, mode)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    image = decode_image(data, name="x")
    assert_array_equal(image, expected)
    assert image.flags.c_contiguous


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("behind_pixels", [False, True])
def test_exif_of_a_png_is_found_in_either_byte_order_and_place(order: str, prefix: bytes, behind_pixels: bool) -> None:
    data = png_with(prefix + directory(order, 6), behind_pixels=behind_pixels)
    assert_array_equal(decode_image(data, name="x"), np.rot90(FACE, -1))


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II",
        b"XX*\0" + bytes(30),
        directory("<", 0),
        directory("<", 9),
        directory("<", 6)[:20],
        directory("<", 6, 7),
    ],
)
def test_exif_that_cannot_be_read_turns_nothing(exif: bytes) -> None:
    assert_array_equal(decode_image(png_with(exif), name="x"), FACE)


def test_an_entry_may_be_a_long_one() -> None:
    assert tiff_value(directory(">", 3, kind=4), 0x0112) == 3
    assert tiff_value(directory(">", 3), 0x0111) is None


def test_what_opencv_turns_itself_is_not_turned_twice() -> None:
    assert stored_orientation(turned("jpeg", 6), "JPEG") == stored_orientation(turned("tiff", 6), "TIFF") == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_label_maps_and_single_pixels_turn_alike(orientation: int) -> None:
    pixels = np.arange(6).reshape(2, 3)
    assert_array_equal(upright(pixels[..., None], orientation)[..., 0], upright(pixels, orientation))
    assert sorted(upright(pixels, orientation).flat) == list(range(6))
