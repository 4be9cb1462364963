"""The generic occlusion map from a share of the occlusions, with its standard error."""

from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from rich.progress import track
from torch import Tensor, nn

from callbacks.occlusion_sensitivity.engine import Evaluator, Incremental, Method, Positions
from callbacks.occlusion_sensitivity.maps import (
    MEMORY,
    Fill,
    check_broken,
    check_inputs,
    correctly_classified,
    evaluator_for,
    not_finite,
)
from callbacks.occlusion_sensitivity.plan import Pair
from callbacks.occlusion_sensitivity.smoothing import smooth_proportions
from lightning_modules.networks import is_best
from lightning_modules.networks.dry_run import evaluating

GROUPS = 32
"""Disjoint groups of images that the standard error comes from."""
_PLASTIC = 1.32471795724474602596  # the real root of x³ = x + 1


class SampledMap(NamedTuple):
    """An estimate of the generic occlusion map."""

    error: Tensor
    """``(H, W)`` float32 in [0, 1]: the network's error rate with the occluder centred there."""
    standard_error: Tensor
    """``(H, W)`` float32: how far that may be from the exact map of the same images, bias included."""
    indices: Tensor
    """``(M,)``: which of the images these are; those misclassified without an occluder are left out."""


@torch.no_grad()
def sampled_error_map(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    occluder_size: Pair,
    fill: Fill = 0.0,
    share: float = 1 / 50,
    seed: int = 0,
    batch_size: int | None = None,
    method: Method = "incremental",
    memory: int = MEMORY,
    progress: bool = False,
) -> SampledMap:
    r"""Estimate the generic occlusion map of :func:`.occlusion_error_map` from a share of its occlusions.

    Each image is evaluated at places of its own, spread evenly (:func:`sampled_places`); the errors are smoothed
    over neighbouring places by local quadratic regression (:func:`.smooth_proportions`). A standard error is an
    estimate, too: it covers the sampling of places, not that of images. With several processes each takes a share of
    the images, and all return the same map.

    Source: Sáez Trigueros, Meng and Hartnett (2018), section 3.1, https://arxiv.org/abs/1707.07923, for the map.

    Args:
        network: Maps images to logits ``(B, n)``; put into evaluation mode meanwhile.
        images: ``(N, C, H, W)``, as the network takes them, on its device and in its precision; the same in all
            processes.
        labels: ``(N,)``: correct classes.
        occluder_size: Height and width in pixels.
        fill: The occluder's value, one for all channels or one for each, in the units of ``images``.
        share: s, the share of all pairs of image and centre that is evaluated, in (0, 1]. With 1 the map is exact, not
            smoothed, and its standard error 0.
        seed: Chooses the places, with the index of an image among ``images``; not negative.
        batch_size: Occluded images evaluated at once; by default 64, small windows up to 256; on a GPU
            4,096, computed densely 1,024.
        method: ``"incremental"`` or ``"dense"``.
        memory: Bytes for what is kept of the images at work.
        progress: Show a progress bar, in the first process.

    Returns:
        Maps on the device of ``images``.

    Raises:
        ValueError: If a setting is out of range, shapes do not fit, or every image is misclassified.
        NotFiniteError: If logits are not finite in any process; all processes raise.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(144, 2, bias=False))
        >>> _ = network[1].weight.data.copy_(torch.tensor([1.0, -1.0])[:, None].expand(2, 144))
        >>> images, labels = torch.ones(50, 1, 12, 12), torch.zeros(50, dtype=torch.int64)
        >>> settings = {"occluder_size": (4, 4), "fill": -1.0, "method": "dense"}
        >>> error, standard_error, _ = sampled_error_map(network, images, labels, share=0.2, **settings)
        >>> error.shape, bool(error.max() < 1e-6), bool(standard_error.max() < 0.2)
        (torch.Size([12, 12]), True, True)
    """
    if not 0 < share <= 1:
        raise ValueError(f"Expected `share` in (0, 1], got {share}")
    if seed < 0:
        raise ValueError(f"Expected `seed` of at least 0, got {seed}")
    check_inputs(images, labels, occluder_size, method=method)
    height, width = images.shape[2:]
    rank, world_size = (dist.get_rank(), dist.get_world_size()) if _distributed() else (0, 1)
    with evaluating(network):
        indices = correctly_classified(network, images, labels, batch_size)
        tallies = torch.zeros(2, 2 * GROUPS * height * width, dtype=torch.int32, device=images.device)
        ours = torch.arange(len(indices), device=images.device)[rank::world_size]
        broken = torch.zeros_like(indices)
        if len(ours):
            evaluator = evaluator_for(
                network, images, occluder_size, fill, batch_size, method, memory, positions=share * height * width
            )
            block = _block(evaluator, share, memory)
            for start in track(
                range(0, len(ours), block), "Occlusion map", transient=True, disable=not progress or rank > 0
            ):
                _tally(tallies, broken, evaluator, images, labels, indices, ours[start : start + block], share, seed)
    if _distributed():
        dist.all_reduce(tallies)  # whole numbers: the sum does not depend on the number of processes
        dist.all_reduce(broken)
    check_broken(broken, indices)
    counts, errors = tallies.view(2, 2, GROUPS, height, width).long()
    if share == 1:
        exact = (errors.sum((0, 1)) / counts.sum((0, 1))).float()
        return SampledMap(exact, torch.zeros_like(exact), indices)
    value, error, _ = smooth_proportions(counts, errors, images=len(indices), occluder_size=occluder_size, share=share)
    return SampledMap(value.float(), error.float(), indices)


def sampled_places(size: Pair, share: float, seed: int, index: int) -> Tensor:
    r"""Return which places of an image are evaluated: 0 for not, 1 and 2 for the two halves of those that are.

    Place (i, j) belongs to them if :math:`(i a + j b + u) \bmod 1 < s`, to the first half below s/2, with
    :math:`a, b = \rho^{-1}, \rho^{-2}` and ρ the plastic number: a lattice without short distances whatever s is. The
    shift u is random, and so are reflections of the axes and the order of a and b, so that every place is evaluated
    with probability s.

    Source: Roberts (2018), The Unreasonable Effectiveness of Quasirandom Sequences, for a and b.

    Args:
        size: H and W.
        share: s, in (0, 1].
        seed: Not negative.
        index: Of the image.

    Returns:
        ``(H, W)`` int64 on the CPU.

    Example:
        >>> sampled_places((6, 8), 1 / 8, seed=0, index=1).count_nonzero()
        tensor(6)
    """
    generator = np.random.default_rng((seed, index))
    shift = generator.random()
    down, right, swap = generator.integers(2, size=3)
    row, column = (np.arange(n)[:: -1 if flip else 1] for n, flip in zip(size, (down, right), strict=True))
    steps = (_PLASTIC**-2, 1 / _PLASTIC) if swap else (1 / _PLASTIC, _PLASTIC**-2)
    order = (row[:, None] * steps[0] + column * steps[1] + shift) % 1.0
    return torch.from_numpy((order < share).astype(np.int64) + ((order >= share / 2) & (order < share)))


def _block(evaluator: Evaluator, share: float, memory: int) -> int:
    """Return how many images to give at once: with few places of each, more images fill the batches."""
    if not isinstance(evaluator, Incremental):
        return evaluator.block
    fitting = memory // evaluator.network.bytes_per_image
    return max(evaluator.block, min(int(evaluator.block / share), fitting))


def _tally(
    tallies: Tensor,
    broken: Tensor,
    evaluator: Evaluator,
    images: Tensor,
    labels: Tensor,
    indices: Tensor,
    block: Tensor,
    share: float,
    seed: int,
) -> None:
    """Add observations and errors of a block of images, given by its places in ``indices``, to ``(2, 2·G·H·W)``.

    Logits that are not finite are counted by image in ``broken``, ``(M,)``.
    """
    height, width = images.shape[2:]
    chosen = indices[block]
    places = torch.stack([sampled_places((height, width), share, seed, i) for i in chosen.tolist()])
    image, row, column = torch.nonzero(places.to(images.device), as_tuple=True)  # (P,) each
    half = places.to(images.device)[image, row, column] - 1
    where = ((half * GROUPS + block[image] % GROUPS) * height + row) * width + column
    correct = labels[chosen][image]
    if not len(image):
        return
    for index, logits in evaluator(images[chosen], Positions(image, row, column)):
        wrong = ~is_best(logits, correct[index])
        broken.index_add_(0, block[image[index]], not_finite(logits))
        tallies[0].index_add_(0, where[index], torch.ones_like(wrong, dtype=tallies.dtype))
        tallies[1].index_add_(0, where[index], wrong.to(tallies.dtype))


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized()
