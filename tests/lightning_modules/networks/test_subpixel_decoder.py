"""The light decoder: its sum by hand, which pixel a score belongs to, and sizes."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn
from torch.testing import assert_close

from lightning_modules.networks import SubpixelDecoder
from lightning_modules.networks.segmenter import resized

SHAPES = [(8, 12, 12), (12, 6, 6), (16, 3, 3)]


def decoder_of(grid: int = 1) -> SubpixelDecoder:
    return SubpixelDecoder(SHAPES, 24, channels=4, grid=grid)


def maps(shapes: list[tuple[int, int, int]] = SHAPES, number: int = 2) -> list[Tensor]:
    return [torch.randn(number, *shape) for shape in shapes]


def test_maps_are_added_on_the_grid_of_one_of_them() -> None:
    decoder, (finest, middle, deepest) = decoder_of().eval(), maps()
    weights = list(decoder.projections.parameters())
    patches = F.unfold(finest, 2, stride=2).transpose(1, 2)  # (B, 36, 32): patches of 8 channels, 2 × 2
    fine = (patches @ weights[0].flatten(1).T).transpose(1, 2).view(2, -1, 6, 6)
    coarse = F.interpolate(F.conv2d(deepest, weights[2]), scale_factor=2.0, mode="bilinear")
    total = fine + F.conv2d(middle, weights[1]) + coarse
    found = decoder([finest, middle, deepest])
    assert_close(found.features, [decoder.refinement(decoder.norm(total).relu())])


def test_a_cell_s_scores_are_its_pixels_row_by_row() -> None:
    decoder, given = decoder_of().eval(), maps()
    assert decoder.upscale == 4
    nn.init.zeros_(decoder.score.weight)
    with torch.no_grad():
        decoder.score.bias.copy_(torch.arange(32.0))  # type: ignore[union-attr]  # it has one
    clean, occluded = decoder(given).logits.unbind(1)
    cell = torch.arange(16.0).view(4, 4)
    assert_close(clean[0], cell.repeat(6, 6))
    assert_close(occluded[1], 16 + cell.repeat(6, 6))


@pytest.mark.parametrize(("grid", "upscale", "decoded"), [(0, 2, 12), (1, 4, 6), (2, 8, 3), (7, 8, 3)])
def test_the_grid_is_that_of_any_map(grid: int, upscale: int, decoded: int) -> None:
    decoder = decoder_of(grid=grid)
    output = decoder(maps())
    assert (decoder.upscale, output.features[0].shape[-1], output.logits.shape[-1]) == (upscale, decoded, 24)


def test_maps_whose_sizes_are_no_multiples_fit_too() -> None:
    shapes = [(8, 23, 21), (12, 12, 11), (16, 5, 4)]
    decoder = SubpixelDecoder(shapes, 45, channels=4, grid=1)
    assert decoder(maps(shapes)).logits.shape == (2, 2, 48, 44)


@pytest.mark.parametrize("factor", [10.0, 1e3])
def test_how_large_activations_are_does_not_count_in_training(factor: float) -> None:
    decoder, given = decoder_of(), maps(number=4)
    expected = decoder(given).logits
    # the rest is what batch normalisation's epsilon has in a variance
    assert_close(decoder([features * factor for features in given]).logits, expected, atol=1e-3, rtol=1e-3)


def test_in_evaluation_a_face_does_not_depend_on_the_others() -> None:
    decoder, given = decoder_of().eval(), maps()
    assert_close(decoder([features[:1] for features in given]).logits, decoder(given).logits[:1])


def test_a_map_of_the_same_size_is_handed_on_as_it_is() -> None:
    x = torch.randn(1, 2, 3, 4)
    assert resized(x, torch.zeros(1, 9, 3, 4)) is x
    assert resized(x, torch.zeros(1, 9, 5, 7)).shape == (1, 2, 5, 7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"channels": 0}, "`channels` of at least 1, got 0"), ({"grid": -1}, "`grid` of at least 0, got -1")],
)
def test_refuses_settings(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SubpixelDecoder(SHAPES, 24, **settings)
