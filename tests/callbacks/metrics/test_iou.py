"""IoU of classes: golden values, agreement with torchmetrics, images that count once, refusals."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index

from callbacks.metrics import IoU, class_iou, confusion_matrices


def random_masks(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.randint(classes, (9, 6, 5), generator=generator)
    right = torch.rand(9, 6, 5, generator=generator) < 0.6
    return torch.where(right, mask, torch.randint(classes, (9, 6, 5), generator=generator)), mask


@pytest.mark.parametrize("classes", [2, 4])
def test_equals_torchmetrics(classes: int) -> None:
    segmentation, mask = random_masks(classes)
    expected = multiclass_jaccard_index(segmentation, mask, classes, average=None)
    metric = IoU(classes)
    for part in torch.split(torch.arange(9), 4):
        metric.update(segmentation[part], mask[part], part)
    assert_close(metric.compute(), expected)
    matrices = confusion_matrices(segmentation, mask, classes)
    assert torch.equal(matrices.sum(0), multiclass_confusion_matrix(segmentation, mask, classes))


def test_an_image_counts_once_for_its_index() -> None:
    segmentation, mask = random_masks(3)
    metric = IoU(3)
    metric.update(segmentation, mask, torch.arange(9))
    expected = class_iou(confusion_matrices(segmentation, mask, 3).sum(0))
    metric.update(segmentation[:2], mask[:2], torch.arange(2))
    assert torch.equal(metric.compute(), expected)


def test_half_covered_and_never_seen() -> None:
    metric = IoU(3)
    metric.update(torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[1, 0, 0, 0]]]))
    assert_close(metric.compute(), torch.tensor([2 / 3, 0.5, 1.0]))


def test_refuses() -> None:
    with pytest.raises(ValueError, match="Expected `num_classes` of at least 2, got 1"):
        IoU(1)
    masks = torch.zeros(2, 3, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"Expected two of shape \(B, H, W\), got \(3, 3\) and \(2, 3, 3\)"):
        IoU().update(masks[0], masks)
    with pytest.raises(ValueError, match="Expected classes of mask from 0 to 1, got 0 to 255"):
        IoU().update(masks, masks.index_fill(0, torch.tensor([1]), 255))
    with pytest.raises(ValueError, match=r"Expected `index` for each of `confusion`, got \(3,\) for \(2, 2, 2\)"):
        IoU().update(masks, masks, torch.arange(3))
