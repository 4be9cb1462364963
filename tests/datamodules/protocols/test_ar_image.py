"""AR's file names and raw images: the database's codes, and planes of R, G and B."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from datamodules.errors import DataError
from datamodules.protocols.ar_image import ARImage, decode_ar, parse_ar_name
from tests.helpers.faces_on_disk import encode, pseudo_face

CODES = [
    ("neutral", "plain"),
    ("expression", "plain"),
    ("expression", "plain"),
    ("expression", "plain"),
    ("illumination", "left"),
    ("illumination", "right"),
    ("illumination", "both"),
    ("sunglasses", "plain"),
    ("sunglasses", "left"),
    ("sunglasses", "right"),
    ("scarf", "plain"),
    ("scarf", "left"),
    ("scarf", "right"),
]


@pytest.mark.parametrize("code", range(1, 27))
def test_session_2_repeats_the_codes_of_session_1(code: int) -> None:
    image = ARImage("m-001", code)
    assert (image.kind, image.light) == CODES[(code - 1) % 13]
    assert image.session == (1 if code <= 13 else 2)


@pytest.mark.parametrize("name", ["m-001-08", "M-001-08", "m-001-8", "m_001_08", "m-1-8"])
def test_names_in_common_forms_mean_the_same(name: str) -> None:
    assert parse_ar_name(name) == ARImage("m-001", 8)
    assert parse_ar_name(name.replace("m", "W").replace("M", "w")) == ARImage("w-001", 8)


@pytest.mark.parametrize(
    "name", ["", "x-001-08", "m-001", "m-001-08-copy", "am-001-08", "m-0001-08", "m-001-008", "m--08"]
)
def test_other_names_are_none(name: str) -> None:
    assert parse_ar_name(name) is None


@pytest.mark.parametrize("code", [0, 27, 99])
def test_refuses_codes_that_ar_does_not_have(code: int) -> None:
    with pytest.raises(ValueError, match=f"Expected `code` to be one of AR's, 1 to 26, got {code}"):
        parse_ar_name(f"m-001-{code:02d}")


@pytest.mark.parametrize("name", ["m-001-01.raw", "M-001-01.RAW"])
def test_raw_images_are_planes(name: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (576, 768, 3), dtype=np.uint8)
    planes = b"".join(image[..., channel].tobytes() for channel in range(3))
    decoded = decode_ar(planes, name=name)
    assert decoded.flags.c_contiguous
    assert_array_equal(decoded, image)


def test_other_images_are_decoded_by_content() -> None:
    image = pseudo_face(0, size=(8, 8))
    assert_array_equal(decode_ar(encode(image, "bmp"), name="m-001-01.bmp"), image)


@pytest.mark.parametrize("size", [0, 3 * 768 * 576 - 1, 3 * 768 * 576 + 1])
def test_refuses_raw_images_of_another_size(size: int) -> None:
    expected = f"m-001-01.raw: expected 1327104 bytes, 768 × 576 in 3 planes, got {size}"
    with pytest.raises(DataError, match=re.escape(expected)):
        decode_ar(bytes(size), name="m-001-01.raw")
