"""Occlusion maps of verification: how much a pair's score falls with an occluder centred at each pixel."""

from typing import Literal, NamedTuple, Unpack, get_args

import torch
from torch import Tensor, nn

from callbacks.occlusion_sensitivity.centres import interpolate
from callbacks.occlusion_sensitivity.maps import MEMORY
from callbacks.occlusion_sensitivity.occluded_embeddings import (
    OccludedEmbedder,
    OccludedEmbeddings,
    OcclusionSettings,
    counted_from,
)

Covered = Literal["both", "first", "second"]
"""Which of a pair's images the occluder covers: both at the same place, or one."""


class VerificationMaps(NamedTuple):
    """Scores of :math:`N` pairs at :math:`h × w` centres of the occluder."""

    scores: Tensor
    """``(N, h, w)`` float32: cosine similarity with the occluder there."""
    clean: Tensor
    """``(N,)`` float32: without."""
    rows: Tensor
    """``(h,)``: rows of the centres."""
    columns: Tensor
    """``(w,)``: columns of the centres."""

    @property
    def drops(self) -> Tensor:
        """``(N, h, w)``: how much a score falls; below 0 where it rises."""
        return self.clean[:, None, None] - self.scores

    def rejected(self, threshold: float) -> Tensor:
        """Return where a pair is rejected, ``(N, h, w)`` bool: a score that reaches the threshold is accepted.

        Raises:
            ValueError: If the threshold is not in [−1, 1].
        """
        check_threshold(threshold)
        return self.scores < threshold


class RejectionMap(NamedTuple):
    """Share of genuine pairs that are rejected with an occluder centred at each pixel."""

    rate: Tensor
    """``(h, w)`` float32 in [0, 1], of the pairs that are accepted without an occluder."""
    used: Tensor
    """``(N,)`` bool: which pairs these are."""


@torch.no_grad()
def verification_maps(
    network: nn.Module,
    first: Tensor,
    second: Tensor,
    *,
    covered: Covered = "both",
    **settings: Unpack[OcclusionSettings],
) -> VerificationMaps:
    r"""Compute the occlusion maps of pairs' scores.

    .. math::
        S_{i,j} = \cos\bigl(f(a_{i,j}), f(b_{i,j})\bigr)

    where :math:`a_{i,j}` is the first image with an occluder centred at (i, j), see
    :func:`~callbacks.occlusion_sensitivity.occlusion_maps`, and :math:`b_{i,j}` the second; where one of them is not to
    be covered, it stays as it is. Of a map of a classifier this is the counterpart for networks without one.

    Source: Sáez Trigueros, Meng and Hartnett (2018), section 3.1, for the occluder; the score is the usual one of
    verification.

    Args:
        network: Maps images to embeddings ``(B, D)`` of whatever length; put into evaluation mode meanwhile.
        first: ``(N, C, H, W)``, as the network takes them, on its device and in its precision.
        second: The second images, ``(B, C, H, W)``, as the first ones.
        covered: Which image of a pair is covered; ``"both"`` are at the same place.
        settings: See :class:`~callbacks.occlusion_sensitivity.occluded_embeddings.OcclusionSettings`.

    Raises:
        ValueError: If a setting is out of range or shapes do not fit.
        NotFiniteError: If an embedding is not finite: the image's index is that of the pair.
        NoDirectionError: If an embedding without an occluder is 0.

    Example:
        >>> a, b = torch.tensor([[[[3.0, 4.0]]]]), torch.tensor([[[[4.0, 3.0]]]])
        >>> maps = verification_maps(nn.Flatten(), a, b, covered="first", occluder_size=(1, 1), method="dense")
        >>> maps.clean, maps.scores
        (tensor([0.9600]), tensor([[[0.6000, 0.8000]]]))
    """
    check_covered(covered)
    if first.shape != second.shape:
        raise ValueError(f"Expected images of one size, got {tuple(first.shape)} and {tuple(second.shape)}")
    embed = OccludedEmbedder(network, first, **settings)
    clean = embed.clean(first)
    step = max(1, settings.get("memory", MEMORY) // (2 * embed.bytes_per_image(clean)))
    scores, without = [], []
    for start in range(0, len(first), step):
        with counted_from(start):
            one = _embedded(embed, first[start : start + step], occluded=covered != "second")
            other = _embedded(embed, second[start : start + step], occluded=covered != "first")
        scores.append(covered_scores(one, other, covered))
        without.append((one.clean * other.clean).sum(1))
    return VerificationMaps(torch.cat(scores), torch.cat(without), embed.rows, embed.columns)


def covered_scores(first: OccludedEmbeddings, second: OccludedEmbeddings, covered: Covered) -> Tensor:
    """Return the scores ``(N, h, w)`` of pairs of which one image or both are covered."""
    one, other = (side.clean[:, None, None] for side in (first, second))  # (N, 1, 1, D)
    if covered != "second":
        one = first.occluded
    if covered != "first":
        other = second.occluded
    return (one * other).sum(-1)


def rejection_map(maps: VerificationMaps, threshold: float) -> RejectionMap:
    """Return the share of genuine pairs that are rejected, by centre: the counterpart of a classifier's error map.

    Pairs that are rejected without an occluder are left out, as misclassified images are there.

    Args:
        maps: Of genuine pairs.
        threshold: Score that a pair must reach to be accepted, in [−1, 1].

    Raises:
        ValueError: If the threshold is out of range, or no pair is accepted without an occluder.

    Example:
        >>> a = torch.tensor([[[[3.0, 4.0]]], [[[1.0, 0.0]]]])
        >>> maps = verification_maps(nn.Flatten(), a, a.flip(3), covered="first", occluder_size=(1, 1), method="dense")
        >>> rejection_map(maps, 0.7)  # the second pair's score is 0 anyhow
        RejectionMap(rate=tensor([[1., 0.]]), used=tensor([ True, False]))
    """
    rejected, used = maps.rejected(threshold), accepted(maps.clean, threshold)
    return RejectionMap(rejected[used].float().mean(0), used)


def accepted(scores: Tensor, threshold: float) -> Tensor:
    """Return which scores ``(N,)`` of genuine pairs reach the threshold.

    Raises:
        ValueError: If none does.
    """
    used = scores >= threshold
    if not used.any():
        raise ValueError(
            f"Expected genuine pairs that are accepted without an occluder at {threshold:g}, got none among "
            f"{len(used)}: no occlusion map can be made"
        )
    return used


def whole_map(values: Tensor, maps: VerificationMaps, size: tuple[int, int]) -> Tensor:
    """Return ``(h, w)`` values at the centres of maps as ``(H, W)``, bilinear between them."""
    return interpolate(values.float(), maps.rows, maps.columns, size)


def check_covered(covered: str) -> None:
    """Refuse to cover what is not there."""
    if covered not in get_args(Covered):
        raise ValueError(f"Expected `covered` of {', '.join(get_args(Covered))}, got {covered!r}")


def check_threshold(threshold: float) -> None:
    """Refuse what no cosine can be compared with."""
    if not -1 <= threshold <= 1:
        raise ValueError(f"Expected `threshold` in [-1, 1], got {threshold:g}")


def _embedded(embed: OccludedEmbedder, images: Tensor, *, occluded: bool) -> OccludedEmbeddings:
    if occluded:
        return embed(images)
    clean = embed.clean(images)
    return OccludedEmbeddings(clean, clean[:, None, None])
