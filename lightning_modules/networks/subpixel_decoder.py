"""A light decoder: segmentation scores from a trunk's own feature maps."""

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from lightning_modules.networks.segmenter import SegmenterOutput, resized


class SubpixelDecoder(nn.Module):
    """Projects maps to a few channels on the grid of one of them, and scores all pixels of a cell at once.

    Finer maps are projected by patches, coarser ones by positions and then enlarged. Nothing is computed at a finer
    grid than that one, which is what makes it cheap: there memory costs more than operations do.

    Source: our own; scores are rearranged into pixels as in Shi et al. (2016), section 3.2,
    https://arxiv.org/abs/1609.05158.

    Args:
        shapes: ``(C_i, H_i, W_i)`` of the maps, shallow to deep.
        image_size: H and W in pixels.
        channels: C′ of the decoded map.
        grid: Index of the map on whose grid all is decoded; the last if there are fewer.

    Attributes:
        upscale: Side of a cell in pixels.

    Raises:
        ValueError: If ``channels`` is below 1 or ``grid`` negative.

    Example:
        >>> import torch
        >>> decoder = SubpixelDecoder([(8, 16, 16), (16, 8, 8)], image_size=32, channels=4, grid=1)
        >>> logits, (decoded,) = decoder([torch.zeros(2, 8, 16, 16), torch.zeros(2, 16, 8, 8)])
        >>> logits.shape, decoded.shape
        (torch.Size([2, 2, 32, 32]), torch.Size([2, 4, 8, 8]))
    """

    def __init__(
        self, shapes: Sequence[tuple[int, int, int]], image_size: int, channels: int = 32, grid: int = 0
    ) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"Expected `channels` of at least 1, got {channels}")
        if grid < 0:
            raise ValueError(f"Expected `grid` of at least 0, got {grid}")
        self.grid = min(grid, len(shapes) - 1)
        _, side, _ = shapes[self.grid]
        self.upscale = max(1, round(image_size / side))
        self.projections = nn.ModuleList(_projection(c, channels, max(1, round(h / side))) for c, h, _ in shapes)
        self.norm = nn.BatchNorm2d(channels)
        self.refinement = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.score = nn.Conv2d(channels, 2 * self.upscale**2, kernel_size=1)

    def forward(self, maps: Sequence[Tensor]) -> SegmenterOutput:
        """Return logits ``(B, 2, h, w)`` of about the image's size, of maps ``(B, C_i, H_i, W_i)``; the decoded map."""
        projected = [projection(features) for projection, features in zip(self.projections, maps, strict=True)]
        total = projected.pop(self.grid)  # (B, C', H', W')
        for other in projected:
            total = total + resized(other, total)
        decoded: Tensor = self.refinement(self.norm(total).relu())
        return SegmenterOutput(F.pixel_shuffle(self.score(decoded), self.upscale), [decoded])


def _projection(in_channels: int, channels: int, patch: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, channels, kernel_size=patch, stride=patch, bias=False)
