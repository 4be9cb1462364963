"""The mean map of verification: how often genuine pairs are rejected with an occluder centred at each pixel."""

from collections.abc import Iterator
from typing import NamedTuple, Unpack

import torch
import torch.distributed as dist
from torch import Tensor, nn

from callbacks.occlusion_sensitivity.centres import interpolate
from callbacks.occlusion_sensitivity.maps import MEMORY, NotFiniteError, distributed
from callbacks.occlusion_sensitivity.occluded_embeddings import WHAT, OccludedEmbedder, OcclusionSettings
from callbacks.occlusion_sensitivity.verification_maps import (
    Covered,
    accepted,
    check_covered,
    check_threshold,
    covered_scores,
)


class VerificationError(NamedTuple):
    """A mean map, and what it is of."""

    rate: Tensor
    """``(H, W)`` float32 in [0, 1]: share of the pairs that are rejected."""
    used: Tensor
    """``(N,)`` bool: pairs that are accepted without an occluder; the others are left out."""


@torch.no_grad()
def verification_error_map(
    network: nn.Module,
    images: Tensor,
    first: Tensor,
    second: Tensor,
    *,
    threshold: float,
    covered: Covered = "both",
    **settings: Unpack[OcclusionSettings],
) -> VerificationError:
    """Compute the share of genuine pairs that are rejected, by the occluder's centre, as a classifier's error map.

    It is :func:`~.verification_maps.rejection_map` of the pairs' maps, of which none is kept. With several processes
    each takes a share of the pairs, and all return the same map.

    Args:
        network: Maps images to embeddings ``(B, D)`` of whatever length; put into evaluation mode meanwhile.
        images: ``(M, C, H, W)``, as the network takes them, on its device; the same in all processes.
        first: The first image of each genuine pair, ``(N,)``.
        second: Its second image.
        threshold: Score that a pair must reach to be accepted, in [−1, 1].
        covered: Which image of a pair is covered; ``"both"`` are at the same place.
        settings: See :class:`~callbacks.occlusion_sensitivity.occluded_embeddings.OcclusionSettings`.

    Raises:
        ValueError: If a setting is out of range, shapes do not fit, or no pair is accepted without an occluder.
        NotFiniteError: If an embedding is not finite in any process; all processes raise.
        NoDirectionError: If an embedding without an occluder is 0.

    Example:
        >>> images = torch.tensor([[[[3.0, 4.0]]], [[[4.0, 3.0]]]])
        >>> pair, settings = (torch.tensor([0]), torch.tensor([1])), {"occluder_size": (1, 1), "method": "dense"}
        >>> verification_error_map(nn.Flatten(), images, *pair, threshold=0.7, covered="first", **settings).rate
        tensor([[1., 0.]])
    """
    check_covered(covered)
    check_threshold(threshold)
    embed = OccludedEmbedder(network, images, **settings)
    clean = embed.clean(images)
    used = accepted((clean[first] * clean[second]).sum(1), threshold)
    pairs = torch.stack([first, second], 1)[used]
    step = max(1, settings.get("memory", MEMORY) // (2 * embed.bytes_per_image(clean)))
    rejected = torch.zeros(len(embed.rows), len(embed.columns), dtype=torch.int64, device=images.device)
    broken = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    for part in _share(pairs, step):
        rejected += _rejected(embed, images, part, threshold, covered, broken)
    if distributed():
        dist.all_reduce(rejected)  # whole numbers: the sum does not depend on the number of processes
        dist.all_reduce(broken)
    if broken.any():
        raise NotFiniteError(int(broken.nonzero()[0, 0]), WHAT)
    rate = (rejected / len(pairs)).float()
    return VerificationError(interpolate(rate, embed.rows, embed.columns, (images.shape[2], images.shape[3])), used)


def _share(pairs: Tensor, step: int) -> Iterator[Tensor]:
    """Yield this process's pairs, ``(≤ step, 2)`` at once."""
    rank, world_size = (dist.get_rank(), dist.get_world_size()) if distributed() else (0, 1)
    ours = pairs[rank::world_size]
    yield from (ours[start : start + step] for start in range(0, len(ours), step))


def _rejected(
    embed: OccludedEmbedder, images: Tensor, pairs: Tensor, threshold: float, covered: Covered, broken: Tensor
) -> Tensor:
    """Return how many pairs are rejected at each centre, ``(h, w)``; count in ``broken`` what is not finite."""
    faces, place = torch.unique(pairs, return_inverse=True)
    try:
        found = embed(images[faces])
    except NotFiniteError as error:
        broken[faces[error.image]] += 1
        return torch.zeros(len(embed.rows), len(embed.columns), dtype=torch.int64, device=images.device)
    scores = covered_scores(found.at(place[:, 0]), found.at(place[:, 1]), covered)
    return (scores < threshold).sum(0)
