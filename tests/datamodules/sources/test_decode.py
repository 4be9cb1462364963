"""Decoding: golden values per mode, an independent decoder beside it, then truncation at many points."""

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from datamodules.errors import DataError
from datamodules.sources.decode import decode_image
from tests.helpers.faces_on_disk import encode, pseudo_face

FACE = pseudo_face(3, size=(24, 20))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(pixels: NDArray[Any]) -> bytes:
    """Encode in OpenCV's channel order: grey, BGR or BGRA."""
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_lossless_modes_are_what_pillow_reads(kind: str, mode: str) -> None:
    image = Image.fromarray(FACE).convert(mode)
    assert_array_equal(decode_image(saved(image, kind), name="x"), image.convert("RGB"))


def test_webp_is_read() -> None:
    assert_array_equal(decode_image(saved(Image.fromarray(FACE), "webp", lossless=True), name="x"), FACE)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_are_what_pillow_reads(mode: str, options: dict[str, Any]) -> None:
    data = saved(Image.fromarray(FACE).convert(mode), "jpeg", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)
    assert np.abs(decode_image(data, name="x") - expected).max() <= 1  # CMYK rounds differently


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (128, 0), (129, 1), (257, 1), (32768, 128), (65535, 255)])
def test_16_bits_are_scaled_not_clipped_nor_wrapped(value: int, expected: int) -> None:
    grey = np.full((2, 3), value, dtype=np.uint16)
    assert_array_equal(decode_image(png(grey), name="x"), np.full((2, 3, 3), expected))
    colour = np.stack([grey, 0 * grey, grey // 2], axis=-1)  # BGR
    assert decode_image(png(colour), name="x")[0, 0].tolist() == [round(value // 2 / 257), 0, expected]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_is_laid_over_black(dtype: type[np.unsignedinteger[Any]]) -> None:
    full = np.iinfo(dtype).max
    pixels = np.array([[[full, 0, 0, 0], [full, 0, 0, full], [full, full, full, full // 5 * 2]]], dtype=dtype)  # BGRA
    assert decode_image(png(pixels), name="x").tolist() == [[[0, 0, 0], [0, 0, 255], [102, 102, 102]]]


def test_transparent_palette_entries_are_black() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    assert decode_image(saved(image, "png", transparency=0), name="x").tolist() == [[[0, 0, 0], [0, 255, 0]]]


@pytest.mark.parametrize("kind", ["webp", "tiff"])
def test_transparency_of_other_formats(kind: str) -> None:
    image = Image.new("RGBA", (4, 4), (255, 255, 255, 0))
    options = {"lossless": True, "exact": True} if kind == "webp" else {}
    assert decode_image(saved(image, kind, **options), name="x").max() == 0


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_level_is_black(bits: int) -> None:
    levels, rows = np.arange(8) % (1 << bits), b""
    for row in (levels, levels[::-1]):
        packed = "".join(f"{level:0{bits}b}" for level in row)
        rows += b"\0" + int(packed, 2).to_bytes(len(packed) // 8, "big")
    header = struct.pack(">IIBBBBB", 8, 2, bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tRNS", struct.pack(">H", 1)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"".join(struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    shown = np.where(levels == 1, 0, levels) * 255 / ((1 << bits) - 1)
    expected = np.stack([shown, shown[::-1]]).round()
    assert_array_equal(decode_image(b"\x89PNG\r\n\x1a\n" + data, name="x")[..., 0], expected)


def grey_tiff(pixels: NDArray[np.uint16], colours: int) -> bytes:
    """One strip of 16-bit grey, with what its levels mean."""
    height, width = pixels.shape
    entries = [(256, width), (257, height), (258, 16), (259, 1), (262, colours), (273, 134), (277, 1), (278, height)]
    entries += [(279, pixels.nbytes), (284, 1)]
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return (
        head + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries) + bytes(4) + pixels.tobytes()
    )


def test_16_bit_tiffs_in_which_zero_is_white_are_not_negatives() -> None:
    pixels = np.array([[0, 257, 65535]], dtype="<u2")
    assert decode_image(grey_tiff(pixels, 1), name="x")[0, :, 0].tolist() == [0, 1, 255]
    assert decode_image(grey_tiff(pixels, 0), name="x")[0, :, 0].tolist() == [255, 254, 0]


def test_tiffs_of_cmyk_are_read_and_of_other_colours_refused() -> None:
    image = Image.fromarray(FACE).convert("CMYK")
    assert_array_equal(decode_image(saved(image, "tiff"), name="x"), image.convert("RGB"))
    with pytest.raises(DataError, match=r"^n: expected grey, palette, RGB or CMYK pixels, got a TIFF of L\*a\*b\*"):
        decode_image(saved(Image.fromarray(FACE).convert("LAB"), "tiff"), name="n")


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_of_several_frames_the_first_is_taken(kind: str) -> None:
    options: dict[str, Any] = {"lossless": True} if kind == "webp" else {}
    data = saved(Image.fromarray(FACE), kind, save_all=True, append_images=[Image.fromarray(FACE[::-1])], **options)
    assert_array_equal(decode_image(data, name="x"), FACE)


def test_result_is_contiguous_rgb() -> None:
    red = np.zeros((4, 6, 3), dtype=np.uint8)
    red[..., 0] = 200
    for extension in ("jpg", "png", "bmp", "webp", "tiff"):
        image = decode_image(encode(red, extension), name="x")
        assert image.shape == (4, 6, 3)
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        assert image[..., 0].min() > 190
        assert image[..., 1:].max() < 10


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "webp", "tiff"])
def test_truncation_anywhere_is_refused(extension: str) -> None:
    data = encode(FACE, extension)
    for length in [*range(0, len(data), 7), len(data) - 2, len(data) - 1]:
        with pytest.raises(DataError, match=r"^a\.img: expected a[^\n]*$"):
            decode_image(data[:length], name="a.img")


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_a_file_whose_end_was_never_written_is_refused(extension: str) -> None:
    data = encode(FACE, extension)
    for length in range(200, len(data), 7):
        with pytest.raises(DataError, match="expected a complete"):
            decode_image(data[:length] + bytes(len(data) - length), name="x")


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "webp", "tiff"])
def test_bytes_after_a_complete_image_change_nothing(extension: str) -> None:
    data = encode(FACE, extension)
    assert_array_equal(decode_image(data + b"garbage" * 9, name="x"), decode_image(data, name="x"))


def test_a_thumbnails_end_marker_is_not_the_images() -> None:
    data, thumbnail = encode(FACE), encode(FACE[:8, :8])
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    with_thumbnail = data[:2] + segment + data[2:]
    assert_array_equal(decode_image(with_thumbnail, name="x"), decode_image(data, name="x"))
    with pytest.raises(DataError, match=r"complete JPEG, got \d+ bytes without an end-of-image marker"):
        decode_image(with_thumbnail[:-40], name="x")


def test_a_png_is_refused_for_a_flipped_bit_unless_no_pixel_depends_on_it() -> None:
    data = encode(FACE, "png")
    at = data.index(b"IDAT") + 10
    with pytest.raises(DataError, match=r"complete PNG, got .* wrong checksum in chunk IDAT at byte \d+"):
        decode_image(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], name="x")
    text = struct.pack(">I", 4) + b"tEXta\0bc" + struct.pack(">I", zlib.crc32(b"tEXta\0bc") ^ 1)
    assert_array_equal(decode_image(data[:33] + text + data[33:], name="x"), FACE)


@pytest.mark.parametrize("data", [b"", b"hello world", b"GIF89a\x01\x00", b"\xff\xd8", b"RIF"])
def test_refuses_other_formats(data: bytes) -> None:
    with pytest.raises(DataError, match=rf"^n: expected a JPEG, PNG, BMP, WebP or TIFF image, got {len(data)} bytes"):
        decode_image(data, name="n")


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xd9", b"BM12345", b"II*\x00" + bytes(20), b"RIFF\x04\x00\x00\x00WEBP"])
def test_refuses_a_signature_with_nothing_behind_it(data: bytes) -> None:
    with pytest.raises(DataError, match=r"^n: expected a \w+ that can be decoded"):
        decode_image(data, name="n")


def test_refuses_floating_point_pixels() -> None:
    data = cv2.imencode(".tiff", np.zeros((2, 2, 3), dtype=np.float32))[1].tobytes()
    with pytest.raises(DataError, match="n: expected 8 or 16 unsigned bits per channel, got float32"):
        decode_image(data, name="n")
