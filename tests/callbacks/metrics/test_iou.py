"""IoU of classes: golden values, agreement with torchmetrics, images that count once, refusals."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index

from callbacks.metrics import class_iou, confusion_matrices


def random_masks(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.randint(classes, (9, 6, 5), generator=generator)
    right = torch.rand(9, 6, 5, generator=generator) < 0.6
    return torch.where(right, mask, torch.randint(classes, (9, 6, 5), generator=generator)), mask


@pytest.mark.parametrize("classes", [2, 4])
def test_equals_torchmetrics(classes: int) -> None:
    segmentation, mask = random_masks(classes)
    expected = multiclass_jaccard_index(segmentation, mask, classes, average=None)
    matrices = confusion_matrices(segmentation, mask, classes)
    assert_close(class_iou(matrices.sum(0)), expected)
    assert torch.equal(matrices.sum(0), multiclass_confusion_matrix(segmentation, mask, classes))


def test_half_covered_and_never_seen() -> None:
    matrices = confusion_matrices(torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[1, 0, 0, 0]]]), 3)
    assert_close(class_iou(matrices.sum(0)), torch.tensor([2 / 3, 0.5, 1.0]))


def test_refuses() -> None:
    masks = torch.zeros(2, 3, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"Expected two of shape \(B, H, W\), got \(3, 3\) and \(2, 3, 3\)"):
        confusion_matrices(masks[0], masks)
    with pytest.raises(ValueError, match="Expected classes of mask from 0 to 1, got 0 to 254"):
        confusion_matrices(masks, masks.index_fill(0, torch.tensor([1]), 254))
    with pytest.raises(ValueError, match="Expected classes of segmentation from 0 to 1, got 0 to 255"):
        confusion_matrices(masks.index_fill(0, torch.tensor([1]), 255), masks)
    with pytest.raises(ValueError, match="Expected at most 255 classes, got 256"):
        confusion_matrices(masks, masks, 256)


@pytest.mark.parametrize("classes", [2, 4])
def test_ignored_pixels_are_left_out_as_torchmetrics_leaves_them_out(classes: int) -> None:
    segmentation, mask = random_masks(classes)
    mask[torch.rand(mask.shape, generator=torch.Generator().manual_seed(1)) < 0.4] = 255
    found = confusion_matrices(segmentation, mask.byte(), classes)
    expected = multiclass_confusion_matrix(segmentation, mask, classes, ignore_index=255)
    assert torch.equal(found.sum(0), expected)
    assert torch.equal(found.sum((1, 2)), (mask != 255).sum((1, 2)))
    nothing = confusion_matrices(segmentation, torch.full_like(mask, 255), classes)
    assert not nothing.any()
