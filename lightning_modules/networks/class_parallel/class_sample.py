"""Which classes a step of training looks at: all, or those of the batch and some of the others."""

from typing import NamedTuple

import torch
from torch import Tensor

from lightning_modules.networks.class_parallel.class_shard import ClassShard


class ClassSample(NamedTuple):
    """Where the classes of a batch stand among those that a step looks at, process after process.

    Args:
        owner: ``(B,)``: the process that has the class of a face.
        column: ``(B,)``: which of that process's sampled classes it is.
        width: k, sampled classes of a process; the last one may have fewer.
        chosen: ``(k,)`` of this process's own classes, from 0; ``None`` stands for all of them.
    """

    owner: Tensor
    column: Tensor
    width: int
    chosen: Tensor | None = None

    @property
    def target(self) -> Tensor:
        """``(B,)``: the class of a face, counted over the sampled classes of all processes."""
        return self.owner * self.width + self.column


def all_classes(identities: Tensor, shard: ClassShard) -> ClassSample:
    """Return the sample that leaves nothing out.

    Args:
        identities: ``(B,)``, of all processes.
        shard: This process's classes.
    """
    return ClassSample(identities // shard.size, identities % shard.size, shard.size)


def sampled_classes(
    identities: Tensor, shard: ClassShard, sampling_rate: float, generator: torch.Generator
) -> ClassSample:
    """Return the classes of a batch, which always count, with so many others that the rate is reached.

    Every process takes as many. Where the batch has more classes of one process than the rate allows, all take that
    many.

    Source: An et al. (2022), Partial FC, https://arxiv.org/abs/2203.15565, section 3.2.

    Args:
        identities: ``(B,)``, of all processes.
        shard: This process's classes.
        sampling_rate: r, the share of its classes that a process looks at.
        generator: Of the others; on the identities' device.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> sample = sampled_classes(torch.tensor([7, 2, 7]), ClassShard(10), 0.4, generator)
        >>> len(sample.chosen), sample.chosen[sample.column].tolist()
        (4, [7, 2, 7])
    """
    present, which = torch.unique(identities, return_inverse=True)  # (C,), (B,)
    owners = present // shard.size
    counts = owners.bincount(minlength=shard.processes)  # (W,)
    places = torch.arange(len(present), device=present.device) - (counts.cumsum(0) - counts)[owners]  # (C,)
    width = min(shard.size, max(1, round(sampling_rate * shard.size), int(counts.max())))
    positives = present[owners == shard.rank] - shard.start
    chances = torch.rand(shard.stop - shard.start, generator=generator, device=present.device)
    chances[positives] = -1.0
    negatives = chances.topk(min(width, len(chances)) - len(positives)).indices.sort().values
    return ClassSample(owners[which], places[which], width, torch.cat([positives, negatives]))
