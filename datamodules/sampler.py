"""Order of training samples as a pure function of (seed, epoch), the same for any number of processes."""

from collections.abc import Iterator, Sized
from itertools import islice
from typing import NamedTuple

import numpy as np
from torch.utils.data import DistributedSampler


class Draw(NamedTuple):
    """One use of one sample: which position of the dataset, in which epoch, how often before in the same batch."""

    epoch: int
    position: int
    view: int = 0


class EpochSampler(DistributedSampler[Draw]):
    """Shuffles by (seed, epoch) and tells the dataset which epoch it is drawing for.

    The epoch travels with the index, so workers that outlive an epoch need no shared state. Lightning calls
    ``set_epoch`` before every epoch, of one process as of many.

    Args:
        dataset: Anything with a length.
        world_size: Number of processes.
        rank: Index of this process.
        seed: Seed of the order.
        drop_last: Leave out what cannot be shared equally, instead of repeating images.

    Example:
        >>> sampler = EpochSampler(range(4), seed=0)
        >>> sampler.set_epoch(3)
        >>> sorted(sampler)[0]
        Draw(epoch=3, position=0, view=0)
    """

    def __init__(
        self, dataset: Sized, *, world_size: int = 1, rank: int = 0, seed: int = 0, drop_last: bool = False
    ) -> None:
        # the base adds the epoch to its seed: spread, or seed 1 would repeat seed 0 an epoch later
        spread = int(np.random.SeedSequence(seed).generate_state(1)[0])
        super().__init__(
            dataset,  # type: ignore[arg-type]  # only its length is used
            num_replicas=world_size,
            rank=rank,
            seed=spread,
            drop_last=drop_last,
        )
        self.start = 0
        """Draws of an epoch that this process leaves out, as it has trained on them."""

    def __iter__(self) -> Iterator[Draw]:
        """Yield what is left of this process's share of the epoch."""
        positions = islice(super().__iter__(), self.start, None)
        return (Draw(self.epoch, int(position)) for position in positions)  # type: ignore[call-overload]  # torch types the base by what it yields
