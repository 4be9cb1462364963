"""Segmentation loss: values by hand, then the laws it keeps, then its refusals."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from losses import SegmentationLoss, segmentation_loss


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(2, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def mask() -> Tensor:
    return torch.randint(0, 2, (2, 3, 4), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_golden_value() -> None:
    logits = torch.tensor([0.0, 2.0]).view(1, 2, 1, 1).expand(1, 2, 1, 2)  # occluded by 2, at both pixels
    mask = torch.tensor([[[0, 1]]])
    expected = (math.log(1 + math.exp(2)) + math.log(1 + math.exp(-2))) / 2
    assert_close(segmentation_loss(logits, mask).item(), expected)


def test_equals_a_plain_loop(logits: Tensor, mask: Tensor) -> None:
    losses = []
    for b in range(2):
        for i in range(3):
            for j in range(4):
                score = logits[b, :, i, j]
                losses.append(score.exp().sum().log() - score[int(mask[b, i, j])])
    assert_close(segmentation_loss(logits, mask), torch.stack(losses).mean())


def test_swapping_the_classes_changes_nothing(logits: Tensor, mask: Tensor) -> None:
    assert_close(segmentation_loss(logits.flip(1), 1 - mask), segmentation_loss(logits, mask))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64])
def test_label_dtypes_agree(logits: Tensor, mask: Tensor, dtype: torch.dtype) -> None:
    assert_close(segmentation_loss(logits, mask.to(dtype)), segmentation_loss(logits, mask))


@pytest.mark.parametrize("value", [2, 128, 254])
def test_any_value_but_0_and_255_is_occluded(logits: Tensor, mask: Tensor, value: int) -> None:
    assert_close(segmentation_loss(logits, value * mask), segmentation_loss(logits, mask))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_ignored_pixels_are_as_if_they_were_not_there(logits: Tensor, mask: Tensor, dtype: torch.dtype) -> None:
    mask[:, :, 2:] = 255
    expected = segmentation_loss(logits[..., :2], mask[..., :2])
    logits.requires_grad_()
    loss = segmentation_loss(logits, mask.to(dtype))
    assert_close(loss, expected)
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    assert logits.grad is not None
    assert not logits.grad[..., 2:].any()
    assert logits.grad[..., :2].all()


def test_a_batch_of_nothing_that_counts_costs_nothing_and_teaches_nothing(logits: Tensor) -> None:
    logits.requires_grad_()
    loss = segmentation_loss(logits, torch.full((2, 3, 4), 255, dtype=torch.uint8))
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_signed_bytes_hold_no_ignored_pixel(logits: Tensor, mask: Tensor) -> None:
    assert_close(segmentation_loss(logits, -mask.to(torch.int8)), segmentation_loss(logits, mask))


def test_gradient_is_that_of_the_formula(logits: Tensor, mask: Tensor) -> None:
    assert torch.autograd.gradcheck(lambda x: segmentation_loss(x, mask), (logits.requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_promoted(logits: Tensor, mask: Tensor, dtype: torch.dtype) -> None:
    half = logits.to(dtype)
    loss = segmentation_loss(half, mask)
    assert loss.dtype == torch.float32
    assert_close(loss, segmentation_loss(half.float(), mask))


def test_module_is_the_function(logits: Tensor, mask: Tensor) -> None:
    assert_close(SegmentationLoss()(logits, mask), segmentation_loss(logits, mask))


@pytest.mark.parametrize("shape", [(2, 1, 3, 4), (2, 3, 4), (0, 2, 3, 4), (2, 2, 0, 4)])
def test_refuses_logits(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"non-empty logits of shape \(B, 2, H, W\)"):
        segmentation_loss(torch.zeros(shape), torch.zeros(2, 3, 4, dtype=torch.bool))


@pytest.mark.parametrize("shape", [(2, 1, 3, 4), (2, 4, 3), (1, 3, 4)])
def test_refuses_masks_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`mask` of shape \(B, H, W\) = \(2, 3, 4\)"):
        segmentation_loss(torch.zeros(2, 2, 3, 4), torch.zeros(shape, dtype=torch.bool))


def test_refuses_soft_masks() -> None:
    with pytest.raises(ValueError, match=r"`mask` bool or integer, got torch\.float32"):
        segmentation_loss(torch.zeros(2, 2, 3, 4), torch.zeros(2, 3, 4))
