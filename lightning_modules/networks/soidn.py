"""SOIDN: the simultaneous occlusion-invariant deep network."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from lightning_modules.networks.dry_run import (
    FeatureShape,
    feature_shape,
    head_embedding_dim,
    segmenter_shapes,
    stage_shapes,
)
from lightning_modules.networks.masked_network import (
    MaskedNetwork,
    SOIDNOutput,
    checked_positions,
    feature_adaptors,
    is_of_scores,
    score_adaptors,
)
from lightning_modules.networks.segmenter import SegmenterOutput
from lightning_modules.networks.trunk import trunk_stages


class SOIDN(MaskedNetwork):
    r"""Recognition trunk f whose features are masked by what an occlusion segmenter g has seen.

    .. math::
        v = h(M(g(x)) \odot f(x))

    Source: SOIDN, Eq. 1. The paper masks f's last feature map; other and several positions are our extension.

    Args:
        trunk: f, with ``stages`` as in :class:`Trunk`.
        segmenter: g, with the output of :class:`Segmenter`.
        head: Builds h from the shape ``(C, H', W')`` of f(x).
        image_size: H and W in pixels.
        mask_positions: Where masks act: 0 is the normalised image, k the output of stage k; ``"top"`` is the last,
            the paper's.
        mask_source: ``"features"``: each mask comes from the segmenter's deepest feature map of equal height and
            width; ``"scores"``: from its logits, averaged over areas down to that size.
        detach_segmenter: Keep the classification gradient out of g; M still learns.
        mask_bias: Initial bias of the adaptors; None is 4 for features and 2 for scores.
        mask_weight: Initial weights: their standard deviation for features (None: 0.01), their size for scores
            (None: 1).
        in_channels: 3 for RGB, 1 for grey.

    Attributes:
        image_size: H and W in pixels.
        embedding_dim: D.
        mask_positions: In ascending order.

    Raises:
        ValueError: If a position or source does not exist, or the segmenter has no map of a position's size.

    Example:
        >>> from functools import partial
        >>> from lightning_modules.networks import FCN8s, VGG16Head, VGG16Trunk
        >>> head = partial(VGG16Head, embedding_dim=32)
        >>> net = SOIDN(VGG16Trunk(width=0.125), FCN8s(width=0.125), head, image_size=32)
        >>> embedding, logits, masks, _ = net(torch.zeros(2, 3, 32, 32))
        >>> embedding.shape, logits.shape, masks[0].shape
        (torch.Size([2, 32]), torch.Size([2, 2, 32, 32]), torch.Size([2, 64, 2, 2]))
    """

    def __init__(
        self,
        trunk: nn.Module,
        segmenter: nn.Module,
        head: Callable[[tuple[int, int, int]], nn.Module],
        image_size: int,
        mask_positions: Sequence[int] | Literal["top"] = "top",
        *,
        mask_source: Literal["features", "scores"] = "features",
        detach_segmenter: bool = False,
        mask_bias: float | None = None,
        mask_weight: float | None = None,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        from_scores = is_of_scores(mask_source)
        self.trunk = trunk
        self.segmenter = segmenter
        self.detach_segmenter = detach_segmenter
        self.mask_positions = checked_positions(mask_positions, len(trunk_stages(trunk)))
        image = torch.zeros(1, in_channels, image_size, image_size)
        shapes, maps = stage_shapes(trunk, image), segmenter_shapes(segmenter, image)
        channels = [shapes[position][0] for position in self.mask_positions]
        if from_scores:
            self.map_indices: list[int] = []
            self.adaptors = score_adaptors(channels, mask_bias, mask_weight)
        else:
            self.map_indices = [_deepest_match(position, shapes[position], maps) for position in self.mask_positions]
            seen_channels = [maps[index][0] for index in self.map_indices]
            self.adaptors = feature_adaptors(seen_channels, channels, mask_bias, mask_weight)
        self.head = head(shapes[-1])
        self.embedding_dim = head_embedding_dim(self.head, shapes[-1])

    def forward(self, x: Tensor) -> SOIDNOutput:
        """Return embeddings, segmentation logits and masks of normalised images ``(B, C, H, W)``."""
        segmentation: SegmenterOutput = self.segmenter(x)
        masks: list[Tensor] = []
        features = self.masked(x, 0, segmentation, masks)
        for position, stage in enumerate(trunk_stages(self.trunk), start=1):
            features = self.masked(stage(features), position, segmentation, masks)
        return SOIDNOutput(self.head(features), segmentation.logits, masks, segmentation.features[-1])

    def seen(self, number: int, features: Tensor, segmentation: SegmenterOutput) -> Tensor:
        """Return the segmenter's map or scores of the features' height and width."""
        if self.map_indices:
            return segmentation.features[self.map_indices[number]]
        _, height, width = feature_shape(features)
        return F.adaptive_avg_pool2d(segmentation.logits, (height, width))


def _deepest_match(position: int, shape: FeatureShape, maps: list[FeatureShape]) -> int:
    matches = [index for index, (_, *size) in enumerate(maps) if size == list(shape[1:])]
    if not matches:
        raise ValueError(
            f"Expected a segmenter feature map as high and wide as the trunk's (C, H, W) = {shape} "
            f"at mask position {position}, got {maps}"
        )
    return matches[-1]
