"""SOIDN with a shared encoder: the mask is decoded from the recognition trunk's own first stages."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812  torch's own name for it
from torch import Tensor, nn

from lightning_modules.networks.dry_run import FeatureShape, evaluating, feature_shape, head_embedding_dim, stage_shapes
from lightning_modules.networks.masked_network import (
    MaskedNetwork,
    SOIDNOutput,
    checked_positions,
    distinct_stages,
    feature_adaptors,
    is_of_scores,
    score_adaptors,
)
from lightning_modules.networks.segmenter import SegmenterOutput, resized
from lightning_modules.networks.subpixel_decoder import SubpixelDecoder
from lightning_modules.networks.trunk import trunk_stages

DecoderCallable = Callable[[list[FeatureShape], int], nn.Module]
"""Builds a decoder from the ``(C_i, H_i, W_i)`` of its maps, shallow to deep, and the image's side in pixels."""


class SharedSOIDN(MaskedNetwork):
    r"""SOIDN without a segmentation network of its own: v = h(M(d(f₁(x))) ⊙ f₂(f₁(x))), d a light decoder.

    The trunk f = f₂ ∘ f₁ is cut behind the deepest stage that the decoder reads; masks act there and later, each made
    from the decoded map, or from the scores, averaged over areas down to the size of what it multiplies.
    Several positions are masks at the levels of a pyramid.

    With ``second_pass`` the trunk runs once more from the image, and masks may act anywhere; it then costs the stages
    of f₁ twice, and batch normalisation there sees both passes.

    Source: our extension of SOIDN. One encoder for mask and recognition is FROM's, Qiu et al. (2021),
    https://arxiv.org/abs/2108.09468; multiplying what an occluder has spoilt at the top of the trunk is PDSN's, Song et
    al. (2019), https://arxiv.org/abs/1908.06290. Neither segments.

    Args:
        trunk: f, with ``stages`` as in :class:`Trunk`.
        head: Builds h from the shape ``(C, H', W')`` of f(x).
        image_size: H and W in pixels.
        decoder: Builds d from what :class:`SubpixelDecoder` is given, with its output.
        decoder_stages: Stages whose outputs d reads, counted from 1; None is the last three. The first cost
            most: their maps are the largest.
        mask_positions: Where masks act: k is the output of stage k, ``"top"`` the last, 0 the normalised image.
        mask_source: ``"features"`` or ``"scores"``: what masks are made from.
        second_pass: Segment in a first pass, and recognise in a second one.
        detach_segmenter: Keep the classification gradient out of d; M still learns.
        detach_trunk: Keep the gradient of d, segmentation's and masks', out of the trunk.
        mask_bias: As in :class:`SOIDN`.
        mask_weight: As in :class:`SOIDN`.
        in_channels: 3 for RGB, 1 for grey.

    Raises:
        ValueError: If a stage, position or source does not exist, or a mask would act before the stages that it is
            decoded from.

    Example:
        >>> from functools import partial
        >>> from lightning_modules.networks import VGG16Head, VGG16Trunk
        >>> net = SharedSOIDN(VGG16Trunk(width=0.125), partial(VGG16Head, embedding_dim=32), image_size=32)
        >>> embedding, logits, masks, _ = net(torch.zeros(2, 3, 32, 32))
        >>> embedding.shape, logits.shape, masks[0].shape
        (torch.Size([2, 32]), torch.Size([2, 2, 32, 32]), torch.Size([2, 64, 2, 2]))
    """

    segmenting = "decoder"

    def __init__(
        self,
        trunk: nn.Module,
        head: Callable[[tuple[int, int, int]], nn.Module],
        image_size: int,
        decoder: DecoderCallable = SubpixelDecoder,
        *,
        decoder_stages: Sequence[int] | None = None,
        mask_positions: Sequence[int] | Literal["top"] = "top",
        mask_source: Literal["features", "scores"] = "features",
        second_pass: bool = False,
        detach_segmenter: bool = False,
        detach_trunk: bool = False,
        mask_bias: float | None = None,
        mask_weight: float | None = None,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.trunk = trunk
        self.second_pass, self.detach_segmenter, self.detach_trunk = second_pass, detach_segmenter, detach_trunk
        depth = len(trunk_stages(trunk))
        read = range(max(1, depth - 2), depth + 1) if decoder_stages is None else decoder_stages
        self.decoder_stages = distinct_stages("decoder_stages", read, 1, depth)
        self.mask_positions = checked_positions(mask_positions, depth)
        self.from_scores = is_of_scores(mask_source)
        if self.mask_positions[0] < self.start:
            raise ValueError(
                f"Expected `mask_positions` from {self.start}, the last of `decoder_stages`, or `second_pass`, "
                f"got {self.mask_positions}"
            )
        shapes = stage_shapes(trunk, torch.zeros(1, in_channels, image_size, image_size))
        self.decoder = decoder([shapes[stage] for stage in self.decoder_stages], image_size)
        self.adaptors = self._adaptors(shapes, mask_bias, mask_weight)
        self.head = head(shapes[-1])
        self.embedding_dim = head_embedding_dim(self.head, shapes[-1])

    @property
    def start(self) -> int:
        """The first position that a mask may act at."""
        return 0 if self.second_pass else self.decoder_stages[-1]

    def forward(self, x: Tensor) -> SOIDNOutput:
        """Return embeddings, segmentation logits and masks of normalised images ``(B, C, H, W)``."""
        stages = list(trunk_stages(self.trunk))
        maps = [x]
        for stage in stages[: self.decoder_stages[-1]]:
            maps.append(stage(maps[-1]))
        segmentation = self._decoded([maps[stage] for stage in self.decoder_stages])
        masks: list[Tensor] = []
        features = self.masked(maps[self.start], self.start, segmentation, masks)
        for position, stage in enumerate(stages[self.start :], start=self.start + 1):
            features = self.masked(stage(features), position, segmentation, masks)
        return SOIDNOutput(self.head(features), resized(segmentation.logits, x), masks, segmentation.features[-1])

    def seen(self, number: int, features: Tensor, segmentation: SegmenterOutput) -> Tensor:
        """Return the decoded map or the scores, at the features' height and width."""
        seen = segmentation.logits if self.from_scores else segmentation.features[-1]
        _, height, width = feature_shape(features)
        if height > seen.shape[-2] or width > seen.shape[-1]:
            return resized(seen, features)
        return F.adaptive_avg_pool2d(seen, (height, width))

    def _decoded(self, maps: list[Tensor]) -> SegmenterOutput:
        segmentation: SegmenterOutput = self.decoder([m.detach() for m in maps] if self.detach_trunk else maps)
        return segmentation

    def _adaptors(self, shapes: list[FeatureShape], bias: float | None, weight: float | None) -> nn.ModuleList:
        channels = [shapes[position][0] for position in self.mask_positions]
        with evaluating(self.decoder):
            decoded = self._decoded([torch.zeros(1, *shapes[stage]) for stage in self.decoder_stages])
        if decoded.logits.shape[1] != 2:
            raise ValueError(f"Expected a decoder with logits of shape (B, 2, H, W), got {tuple(decoded.logits.shape)}")
        if self.from_scores:
            return score_adaptors(channels, bias, weight)
        return feature_adaptors([decoded.features[-1].shape[1]] * len(channels), channels, bias, weight)
