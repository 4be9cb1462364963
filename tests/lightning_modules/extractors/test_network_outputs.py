"""Outputs are told apart by shape, and by name where shapes leave it open."""

from typing import Any

import pytest
import torch

from lightning_modules.extractors.network_outputs import Roles, named_outputs, roles

IMAGES = (4, 3, 8, 8)


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ({"v": (4, 8)}, ("v", None, None)),
        ({"v": (4, 1)}, ("v", None, None)),
        ({"map": (4, 8, 7, 7), "v": (4, 8)}, ("v", None, None)),
        ({"norm": (4, 1), "v": (4, 8)}, ("v", "norm", None)),
        ({"v": (4, 8), "1": (4,)}, ("v", "1", None)),
        ({"v": (4, 8), "age": (4, 1), "norm": (4, 1)}, ("v", "norm", None)),
        ({"v": (4, 8), "age": (4, 1), "sex": (4, 1)}, ("v", None, None)),
        ({"logits": (4, 9), "embedding": (4, 8)}, ("embedding", None, None)),
        ({"v": (4, 8), "other": (1, 8)}, ("v", None, None)),
        ({"occluder_probability": (4, 8, 8)}, (None, None, "occluder_probability")),
        ({"occluder_probability": (4, 8, 8), "v": (4, 8)}, ("v", None, "occluder_probability")),
    ],
)
def test_roles_follow_shapes_and_names(shapes: Any, found: tuple[str | None, ...]) -> None:
    assert roles(shapes, IMAGES) == Roles(*found)


def test_a_named_output_is_the_embedding() -> None:
    shapes = {"a": (4, 8), "b": (4, 1)}
    assert roles(shapes, IMAGES, "b") == Roles("b", None, None)


@pytest.mark.parametrize(
    ("shapes", "output", "message"),
    [
        ({}, None, r"embeddings \(B, D\) of net, got no tensors for images of shape \(4, 3, 8, 8\)"),
        ({"v": (8,)}, None, r"got \(8,\) for"),
        ({"v": (1, 8)}, None, r"got \(1, 8\) for"),
        ({"a": (4, 1), "b": (4, 1)}, None, r"got a \(4, 1\), b \(4, 1\) for"),
        ({"a": (4, 8), "b": (4, 9)}, None, r"`output` to name the embedding among those of net, a .*, b \(4, 9\)"),
        ({"a": (4, 8)}, "b", r"`output` \(B, D\) among those of net, a \(4, 8\), got 'b'"),
        ({"a": (4, 8), "b": (4, 8, 7)}, "b", "among those of net, .*, got 'b'"),
    ],
)
def test_refuses_outputs_of_which_none_or_several_may_be_the_embedding(
    shapes: Any, output: str | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        roles(shapes, IMAGES, output, network="net")


def test_outputs_have_names() -> None:
    a, b = torch.zeros(1), torch.ones(1)
    pair = Roles(a, b, None)  # type: ignore[arg-type]  # any named tuple
    assert named_outputs(a) == {"output": a}
    assert named_outputs((a, None, b)) == {"0": a, "2": b}
    assert named_outputs(pair) == {"embedding": a, "quality": b}
    assert named_outputs({"v": a, "text": "x"}) == {"v": a}
    assert named_outputs("text") == named_outputs(None) == {}
