"""The light decoder: its sum by hand, sizes, and a start without an opinion."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import PyramidDecoder
from lightning_modules.networks.pyramid_decoder import resized

SHAPES = [(8, 13, 11), (12, 7, 6), (16, 4, 3)]


def maps(number: int = 2) -> list[Tensor]:
    return [torch.randn(number, *shape) for shape in SHAPES]


def test_maps_are_projected_and_added_from_the_deepest_to_the_finest() -> None:
    decoder, given = PyramidDecoder(SHAPES, channels=4).eval(), maps()
    nn.init.normal_(decoder.score.weight)
    coarser: Tensor | None = None
    for number in (2, 1, 0):
        total = decoder.projections[number](given[number])
        if coarser is not None:
            total += F.interpolate(coarser, size=SHAPES[number][1:], mode="bilinear", align_corners=False)
        coarser = decoder.smoothings[number](total)
    assert coarser is not None
    found = decoder(given)
    assert_close(found.features[-1], coarser)
    assert_close(found.logits, F.conv2d(coarser, decoder.score.weight, decoder.score.bias))


def test_it_starts_without_an_opinion_and_leaves_it_at_once() -> None:
    decoder, given = PyramidDecoder(SHAPES, channels=4), maps()
    assert not decoder(given).logits.any()
    optimizer = torch.optim.SGD(decoder.parameters(), lr=0.1)
    F.cross_entropy(decoder(given).logits, torch.ones(2, 13, 11, dtype=torch.long)).backward()
    optimizer.step()
    clean, occluded = decoder(given).logits.unbind(1)
    assert (occluded > clean).all()


@pytest.mark.parametrize("factor", [10.0, 1e3])
def test_how_large_activations_are_does_not_count_in_training(factor: float) -> None:
    decoder, given = PyramidDecoder(SHAPES, channels=4), maps(4)
    finest, middle, deepest = given
    expected = decoder(given).features[-1]
    # the share is what batch normalisation's epsilon has in a variance
    assert_close(decoder([finest * factor, middle, deepest * factor]).features[-1], expected, atol=0.1, rtol=0.1)


def test_in_evaluation_a_face_does_not_depend_on_the_others() -> None:
    decoder, given = PyramidDecoder(SHAPES, channels=4).eval(), maps()
    alone = decoder([features[:1] for features in given]).features
    assert_close(alone, [features[:1] for features in decoder(given).features])


def test_a_map_of_the_same_size_is_handed_on_as_it_is() -> None:
    x = torch.randn(1, 2, 3, 4)
    assert resized(x, torch.zeros(1, 9, 3, 4)) is x
    assert resized(x, torch.zeros(1, 9, 5, 7)).shape == (1, 2, 5, 7)


def test_refuses_channels() -> None:
    with pytest.raises(ValueError, match="`channels` of at least 1, got 0"):
        PyramidDecoder(SHAPES, channels=0)
