"""Segmentation loss: two-class cross-entropy of every pixel that counts, clean against occluded."""

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from losses.label_map import IGNORE, counted


def segmentation_loss(logits: Tensor, mask: Tensor) -> Tensor:
    r"""Average the two-class cross-entropy over the pixels of a batch.

    .. math::
        l_{seg} = -\frac{1}{B H W} \sum_{b,i,j} \log \mathrm{softmax}(s_{b,\cdot,i,j})_{m_{b,i,j}}

    where :math:`s` are the logits and :math:`m` is the label map. Pixels that are to be ignored are left out of the sum
    and of the number that it is divided by; the loss of a batch of nothing else is 0.

    Source: SOIDN, Eq. 5.

    Args:
        logits: Scores of clean (channel 0) and occluded (channel 1), shape ``(B, 2, H, W)``.
        mask: Label map, bool or integer, shape ``(B, H, W)``: 0 is clean, 255 is ignored, any other value is occluded.

    Returns:
        Scalar, at least float32: half-precision logits are promoted first.

    Raises:
        ValueError: If the shapes are not those or are empty, or ``mask`` is neither bool nor integer.

    Example:
        >>> mask = torch.tensor([[[0, 1]]], dtype=torch.uint8)  # one clean pixel, one occluded
        >>> segmentation_loss(torch.zeros(1, 2, 1, 2), mask)  # log 2: no opinion
        tensor(0.6931)
        >>> mask[0, 0, 1] = 255  # and one that is ignored
        >>> segmentation_loss(torch.tensor([[[[0.0, 9.0]], [[0.0, -9.0]]]]), mask)
        tensor(0.6931)
    """
    _check(logits, mask)
    dtype = torch.promote_types(logits.dtype, torch.float32)
    counts = counted(mask)
    target = (mask != 0).long().masked_fill(~counts, IGNORE)
    total = F.cross_entropy(logits.to(dtype), target, ignore_index=IGNORE, reduction="sum")
    return total / counts.sum().clamp(min=1)


class SegmentationLoss(nn.Module):
    """Module form of :func:`segmentation_loss`, for configs: ``class_path: losses.SegmentationLoss``.

    Example:
        >>> SegmentationLoss()(torch.zeros(1, 2, 1, 1), torch.ones(1, 1, 1, dtype=torch.bool))
        tensor(0.6931)
    """

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Return the scalar loss of ``(B, 2, H, W)`` logits and a ``(B, H, W)`` label map."""
        return segmentation_loss(logits, mask)


def _check(logits: Tensor, mask: Tensor) -> None:
    if logits.ndim != 4 or logits.shape[1] != 2 or logits.numel() == 0:
        raise ValueError(f"Expected non-empty logits of shape (B, 2, H, W), got {tuple(logits.shape)}")
    expected = (logits.shape[0], *logits.shape[2:])
    if tuple(mask.shape) != expected:
        raise ValueError(f"Expected `mask` of shape (B, H, W) = {expected}, got {tuple(mask.shape)}")
    if mask.is_floating_point() or mask.is_complex():
        raise ValueError(f"Expected `mask` bool or integer, got {mask.dtype}")
