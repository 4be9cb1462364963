"""The fast decoder gives OpenCV's pixels, and leaves to OpenCV what is not plain."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from datamodules.sources.decode import decode_image
from datamodules.sources.plain_jpeg import plain_jpeg
from tests.helpers.faces_on_disk import pseudo_face


def saved(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", **options)
    return buffer.getvalue()


def by_opencv(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


@pytest.mark.parametrize("size", [(8, 8), (111, 97), (112, 112), (1, 5)])
@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100}], ids=str)
def test_pixels_are_opencv_s(size: tuple[int, int], sampling: int, mode: str, options: dict[str, Any]) -> None:
    sampled = {} if mode == "L" else {"subsampling": sampling}
    data = saved(Image.fromarray(pseudo_face(1, size=size)).convert(mode), **sampled, **options)
    pixels = plain_jpeg(data)
    assert pixels is not None
    assert pixels.flags.c_contiguous
    assert_array_equal(pixels, by_opencv(data))


def test_what_is_not_plain_is_left_to_opencv() -> None:
    face = Image.fromarray(pseudo_face(2))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(face, exif=exif)
    for data in (saved(face.convert("CMYK")), turned, saved(face)[:-300], b"\xff\xd8\xff", b""):
        assert plain_jpeg(data) is None
    assert decode_image(turned, name="x").shape == (*reversed(pseudo_face(2).shape[:2]), 3)


def test_a_file_that_claims_more_pixels_than_memory_holds_is_not_begun() -> None:
    data = bytearray(saved(Image.fromarray(pseudo_face(3))))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"  # height and width
    assert plain_jpeg(bytes(data)) is None
