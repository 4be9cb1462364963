"""Normalisation: golden values pin channel order and range, then the buffers and the refusals."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lightning_modules.networks import IMAGENET_MEAN, IMAGENET_STD, VGGFACE_MEAN, VGGFACE_STD, Normalize


@pytest.fixture
def orange() -> Tensor:
    """One pixel of R 255, G 127, B 0."""
    return torch.tensor([255, 127, 0], dtype=torch.uint8).view(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        pytest.param(Normalize(), [1.0, -0.00392157, -1.0], id="plus-minus-one"),
        pytest.param(Normalize(VGGFACE_MEAN, VGGFACE_STD), [125.814, 22.238, -93.594], id="vgg-face"),
        # (1 - 0.485) / 0.229, (127 / 255 - 0.456) / 0.224, -0.406 / 0.225
        pytest.param(Normalize(IMAGENET_MEAN, IMAGENET_STD), [2.2489083, 0.1876751, -1.8044444], id="imagenet"),
        # 0.299 * 255 + 0.587 * 127 = 150.794
        pytest.param(Normalize(grey=True), [(150.794 - 127.5) / 127.5], id="grey"),
    ],
)
def test_golden_values(orange: Tensor, module: Normalize, expected: list[float]) -> None:
    assert_close(module(orange).flatten(), torch.tensor(expected))


def test_uint8_and_float_pixels_agree(orange: Tensor) -> None:
    assert_close(Normalize()(orange), Normalize()(orange.double()))


def test_statistics_travel_with_the_checkpoint(orange: Tensor) -> None:
    module = Normalize()
    module.load_state_dict(Normalize(VGGFACE_MEAN, VGGFACE_STD).state_dict())
    assert_close(module(orange), Normalize(VGGFACE_MEAN, VGGFACE_STD)(orange))


def test_memory_format_is_kept() -> None:
    image = torch.zeros(2, 3, 4, 4, dtype=torch.uint8).to(memory_format=torch.channels_last)
    assert Normalize()(image).is_contiguous(memory_format=torch.channels_last)


def test_shows_its_settings() -> None:
    assert repr(Normalize(grey=True)) == "Normalize(mean=[127.5], std=[127.5], grey=True)"


@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (1, 4, 2, 2), (3, 2, 2), (1, 2, 2, 3)])
def test_refuses_other_than_rgb(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"RGB images of shape \(B, 3, H, W\)"):
        Normalize()(torch.zeros(shape))


@pytest.mark.parametrize("grey", [False, True])
def test_refuses_wrong_number_of_statistics(grey: bool) -> None:
    with pytest.raises(ValueError, match=r"Expected `mean` of \d value"):
        Normalize(mean=[1.0, 2.0], grey=grey)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_refuses_statistics_that_are_no_numbers(value: float) -> None:
    with pytest.raises(ValueError, match=r"Expected a finite `mean`, got \[127.5, (nan|inf), 127.5\]"):
        Normalize(mean=[127.5, value, 127.5])
    with pytest.raises(ValueError, match="`std` above 0"):
        Normalize(std=[127.5, value, 127.5])


def test_refuses_std_of_zero() -> None:
    with pytest.raises(ValueError, match="`std` above 0"):
        Normalize(std=[1.0, 0.0, 1.0])


def test_blue_first_is_the_normalised_image_turned_round(orange: Tensor) -> None:
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    assert_close(Normalize(mean, std, bgr=True)(orange), Normalize(mean, std)(orange).flip(1))
    assert_close(Normalize(mean, std, bgr=True)(orange).flatten(), torch.tensor([-30 / 8, 107 / 4, 245 / 2]))


@pytest.mark.parametrize("bgr", [False, True])
def test_the_order_travels_with_the_checkpoint(bgr: bool, orange: Tensor) -> None:
    module, saved = Normalize(bgr=not bgr), Normalize(bgr=bgr)
    module.load_state_dict(saved.state_dict())
    assert module.bgr == bgr
    assert torch.equal(module(orange), saved(orange))


def test_a_checkpoint_of_rgb_pixels_has_nothing_new() -> None:
    assert set(Normalize().state_dict()) == {"mean", "std"}


def test_one_channel_has_no_order() -> None:
    with pytest.raises(ValueError, match="either `grey` or `bgr`"):
        Normalize(grey=True, bgr=True)
