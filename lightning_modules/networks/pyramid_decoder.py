"""A light decoder: segmentation scores from a trunk's own feature maps."""

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from lightning_modules.networks.segmenter import SegmenterOutput


class PyramidDecoder(nn.Module):
    """Projects each map to a few channels, and adds them from the deepest to the finest.

    Batch normalisation behind each projection makes maps count alike, however large a trunk's activations are. Scores
    start at zero: no opinion. The logits have the finest map's size.

    Source: form of the top-down path in Lin et al. (2017), section 3, https://arxiv.org/abs/1612.03144; its 3×3
    convolutions are depthwise here.

    Args:
        shapes: ``(C_i, H_i, W_i)`` of the maps, shallow to deep; only C counts.
        channels: C′ of all decoded maps.

    Raises:
        ValueError: If ``channels`` is below 1.

    Example:
        >>> import torch
        >>> decoder = PyramidDecoder([(8, 9, 9), (16, 5, 5)], channels=4)
        >>> logits, decoded = decoder([torch.zeros(2, 8, 9, 9), torch.zeros(2, 16, 5, 5)])
        >>> logits.shape, [tuple(map.shape) for map in decoded]
        (torch.Size([2, 2, 9, 9]), [(2, 4, 5, 5), (2, 4, 9, 9)])
    """

    def __init__(self, shapes: Sequence[tuple[int, int, int]], channels: int = 16) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"Expected `channels` of at least 1, got {channels}")
        self.projections = nn.ModuleList(_projection(c, channels) for c, _, _ in shapes)
        self.smoothings = nn.ModuleList(_smoothing(channels) for _ in shapes)
        self.score = nn.Conv2d(channels, 2, kernel_size=1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)  # type: ignore[arg-type]  # Optional in the stubs; present with bias=True

    def forward(self, maps: Sequence[Tensor]) -> SegmenterOutput:
        """Return logits ``(B, 2, H_1, W_1)`` of maps ``(B, C_i, H_i, W_i)``, and the decoded ones, deep to fine."""
        decoded: list[Tensor] = []
        layers = zip(self.projections, self.smoothings, maps, strict=True)
        for projection, smoothing, features in reversed(list(layers)):
            projected = projection(features)  # (B, C', H_i, W_i)
            coarser = resized(decoded[-1], projected) if decoded else 0.0
            decoded.append(smoothing(projected + coarser))
        return SegmenterOutput(self.score(decoded[-1]), decoded)


def resized(x: Tensor, like: Tensor) -> Tensor:
    """Return ``(B, C, H, W)`` interpolated bilinearly to another map's height and width."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _projection(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, channels, kernel_size=1, bias=False), nn.BatchNorm2d(channels))


def _smoothing(channels: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
