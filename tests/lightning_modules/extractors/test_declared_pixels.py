"""Pixels that a file declares are kept to."""

import pytest

from lightning_modules.extractors.declared_pixels import declared_normalize
from lightning_modules.networks import Normalize


def test_what_a_file_does_not_declare_is_left_to_the_user() -> None:
    given = Normalize()
    assert declared_normalize({"author": "x"}, given, "net.onnx") is given
    assert declared_normalize({}, None, "net.onnx") is None


def test_the_same_said_twice_is_no_difference() -> None:
    given = Normalize([0.0] * 3, [255.0] * 3)
    kept = declared_normalize({"pixel_range": "0-1"}, given, "net.onnx")
    assert kept is not None
    assert kept.extra_repr() == given.extra_repr()


def test_pixels_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a `pixel_range` among 0-255, 0-1, as net\.onnx declares one, got 0-7"):
        declared_normalize({"pixel_range": "0-7"}, None, "net.onnx")
