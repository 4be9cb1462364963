"""Segmenter: the contract of every occlusion segmentation network."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn


class SegmenterOutput(NamedTuple):
    """What a segmenter makes of ``(B, C, H, W)`` images.

    Attributes:
        logits: Scores of clean (channel 0) and occluded (channel 1), shape ``(B, 2, H, W)``.
        features: Encoder feature maps ``(B, C_i, H_i, W_i)``, shallow to deep.
    """

    logits: Tensor
    features: list[Tensor]


class Segmenter(nn.Module, ABC):
    """Two-class occlusion segmentation that also shows its encoder's feature maps.

    Example:
        >>> import torch
        >>> class Constant(Segmenter):
        ...     def forward(self, x: Tensor) -> SegmenterOutput:
        ...         return SegmenterOutput(logits=torch.zeros(len(x), 2, *x.shape[2:]), features=[x])
        >>> Constant()(torch.zeros(1, 3, 4, 5)).logits.shape
        torch.Size([1, 2, 4, 5])
    """

    @abstractmethod
    def forward(self, x: Tensor) -> SegmenterOutput:
        """Return full-resolution logits and the encoder's feature maps of ``(B, C, H, W)`` images."""


def resized(x: Tensor, like: Tensor) -> Tensor:
    """Return ``(B, C, H, W)`` interpolated bilinearly to another map's height and width."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def occluder_probability(logits: Tensor) -> Tensor:
    """Return the probability of an occluder, ``(B, H, W)`` at least float32, of ``(B, 2, H, W)`` logits."""
    return (logits.float() if logits.dtype.itemsize < 4 else logits).softmax(1)[:, 1]
