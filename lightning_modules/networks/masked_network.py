"""What every recogniser with an occlusion mask on its features has: its output, and how masks act."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from lightning_modules.networks.occlusion_mask_adaptor import OcclusionMaskAdaptor
from lightning_modules.networks.segmenter import SegmenterOutput


class SOIDNOutput(NamedTuple):
    """What SOIDN makes of ``(B, C, H, W)`` images.

    Attributes:
        embedding: Face representation v, shape ``(B, D)``.
        logits: Segmentation scores of clean and occluded, shape ``(B, 2, H, W)``.
        masks: One mask in [0, 1] per mask position, of the shape of what it multiplied.
        deep_response: The segmenter's deepest feature map, shape ``(B, C', h, w)`` (Fig. 3).
    """

    embedding: Tensor
    logits: Tensor
    masks: list[Tensor]
    deep_response: Tensor


class MaskedNetwork(nn.Module, ABC):
    """Recognition trunk whose features are multiplied by masks made from a segmentation.

    A subclass sets the attributes and says what a mask is made from.

    Attributes:
        image_size: H and W in pixels.
        embedding_dim: D.
        mask_positions: Where masks act, in ascending order: 0 is the normalised image, k the output of stage k.
        adaptors: One for each position.
        detach_segmenter: Keep the classification gradient out of the segmentation.
    """

    segmenting: ClassVar[str] = "segmenter"
    """Name of the part that segments."""
    image_size: int
    embedding_dim: int
    mask_positions: list[int]
    adaptors: nn.ModuleList
    detach_segmenter: bool

    @abstractmethod
    def forward(self, x: Tensor) -> SOIDNOutput:
        """Return embeddings, segmentation logits and masks of normalised images ``(B, C, H, W)``."""

    @abstractmethod
    def seen(self, number: int, features: Tensor, segmentation: SegmenterOutput) -> Tensor:
        """Return what mask ``number`` is made from, ``(B, C', H, W)``, for features ``(B, C, H, W)``."""

    def masked(self, features: Tensor, position: int, segmentation: SegmenterOutput, masks: list[Tensor]) -> Tensor:
        """Return the features of a position times its mask, which is appended to ``masks``; as they are without one."""
        if position not in self.mask_positions:
            return features
        number = self.mask_positions.index(position)
        seen = self.seen(number, features, segmentation)  # (B, C', H, W)
        masks.append(self.adaptors[number](seen.detach() if self.detach_segmenter else seen))
        return features * masks[-1]


def is_of_scores(mask_source: str) -> bool:
    """Return whether masks are made from scores, and not from feature maps.

    Raises:
        ValueError: If ``mask_source`` is neither.
    """
    if mask_source not in ("features", "scores"):
        raise ValueError(f'Expected `mask_source` "features" or "scores", got {mask_source!r}')
    return mask_source == "scores"


def distinct_stages(name: str, stages: Iterable[int], first: int, depth: int) -> list[int]:
    """Return stages in ascending order.

    Raises:
        ValueError: If there are none, one comes twice or is not in ``first`` to ``depth``.
    """
    checked = sorted(int(stage) for stage in stages)
    if not checked or len(set(checked)) < len(checked) or checked[0] < first or checked[-1] > depth:
        raise ValueError(f"Expected `{name}` distinct and in {first} to {depth}, the number of stages, got {checked}")
    return checked


def checked_positions(positions: Sequence[int] | Literal["top"], depth: int) -> list[int]:
    """Return mask positions in ascending order; ``"top"`` is the last of ``depth`` stages.

    Raises:
        ValueError: If there are none, one comes twice or does not exist.

    Example:
        >>> checked_positions("top", 5), checked_positions([5, 0], 5)
        ([5], [0, 5])
    """
    return distinct_stages("mask_positions", [depth] if positions == "top" else positions, 0, depth)


def feature_adaptors(seen: list[int], masked: list[int], bias: float | None, std: float | None) -> nn.ModuleList:
    """Return adaptors from maps of ``seen`` channels to masks of ``masked``; None is a bias of 4, weights of 0.01."""
    bias, std = 4.0 if bias is None else bias, 0.01 if std is None else std
    return nn.ModuleList(OcclusionMaskAdaptor(c_in, c, bias, std) for c_in, c in zip(seen, masked, strict=True))


def score_adaptors(masked: list[int], bias: float | None, scale: float | None) -> nn.ModuleList:
    """Return adaptors from segmentation scores to masks of ``masked`` channels; None is a bias of 2, weights of ±1."""
    bias, scale = 2.0 if bias is None else bias, 1.0 if scale is None else scale
    return nn.ModuleList(OcclusionMaskAdaptor.from_scores(c, bias, scale) for c in masked)
