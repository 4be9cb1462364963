"""Intersection over union of each class of a segmentation."""

import torch
from torch import Tensor

from losses.label_map import IGNORE, counted


def confusion_matrices(segmentation: Tensor, mask: Tensor, num_classes: int = 2) -> Tensor:
    """Count pixels by (true, predicted) class for each image; pixels that the truth ignores are left out.

    Args:
        segmentation: Predicted classes from 0, ``(B, H, W)``.
        mask: True classes from 0, or 255 where the pixel is ignored, ``(B, H, W)``.
        num_classes: Classes :math:`C`.

    Returns:
        ``(B, C, C)`` int64, rows are the truth.

    Raises:
        ValueError: If shapes differ or a class is not a whole number from 0 to :math:`C - 1`, or C exceeds 255.

    Example:
        >>> confusion_matrices(torch.tensor([[[1, 0]]]), torch.tensor([[[1, 1]]]))
        tensor([[[0, 0],
                 [1, 1]]])
    """
    if segmentation.shape != mask.shape or mask.ndim != 3:
        raise ValueError(f"Expected two of shape (B, H, W), got {tuple(segmentation.shape)} and {tuple(mask.shape)}")
    if num_classes > IGNORE:
        raise ValueError(f"Expected at most {IGNORE} classes, got {num_classes}")
    seen, truth = _whole("segmentation", segmentation), _whole("mask", mask)  # (B, H · W)
    counts = counted(truth)
    _check_range("segmentation", seen, num_classes)
    _check_range("mask", truth[counts], num_classes)
    image = torch.arange(len(truth), device=truth.device)[:, None]
    cells = ((image * num_classes + truth) * num_classes + seen)[counts]
    pixels = torch.bincount(cells, minlength=len(truth) * num_classes**2)
    return pixels.view(-1, num_classes, num_classes)


def _whole(name: str, values: Tensor) -> Tensor:
    if values.is_floating_point() and bool((values != values.floor()).any()):  # NaN is none either
        raise ValueError(f"Expected classes of {name} as whole numbers, got {values.dtype} values between them or NaN")
    return values.long().flatten(1)


def _check_range(name: str, classes: Tensor, num_classes: int) -> None:
    if classes.numel() and not 0 <= classes.min() <= classes.max() < num_classes:
        raise ValueError(
            f"Expected classes of {name} from 0 to {num_classes - 1}, got {int(classes.min())} to {int(classes.max())}"
        )


def class_iou(confusion: Tensor) -> Tensor:
    """Return the IoU of each class of a ``(C, C)`` confusion matrix, ``(C,)``; 1 for a class that never occurs.

    Example:
        >>> class_iou(torch.tensor([[6, 2], [0, 0]]))
        tensor([0.7500, 0.0000])
    """
    hits = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return torch.where(union == 0, 1.0, hits / union.clamp(min=1))
