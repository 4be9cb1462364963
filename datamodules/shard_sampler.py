"""Order of samples that lie in shards, which are read nearly as they lie."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import gcd

import numpy as np
from numpy.typing import NDArray

from datamodules.sampler import Draw, EpochSampler
from datamodules.seams.stored_runs import StoredRuns
from datamodules.window_order import LANES, WindowOrder

Ask = Callable[[int, int], None]
"""Has positions ``first`` to ``stop - 1``, all of one run, read ahead."""


@dataclass(frozen=True)
class PositionRuns:
    """How positions of a dataset lie in files.

    Args:
        cuts: First position of each file and, last, their number, ``(S + 1,)``.
        window: Positions that are shuffled together.
        ask: What reads ahead.
        lanes: Stretches that are read beside each other.
    """

    cuts: NDArray[np.int64]
    window: int
    ask: Ask
    lanes: int = LANES

    @property
    def count(self) -> int:
        """Number of positions."""
        return int(self.cuts[-1])

    @property
    def windowed(self) -> bool:
        """Whether they are more than are shuffled together."""
        return self.window < self.count

    def order(self, seed: int, epoch: int) -> WindowOrder:
        """Return the order of an epoch."""
        return WindowOrder(self.cuts, window=self.window, seed=seed, epoch=epoch, lanes=self.lanes)


def runs_of(source: object, images: NDArray[np.int64]) -> PositionRuns | None:
    """Return how chosen images of a source lie in its files, ``None`` where it has each in a file of its own.

    Args:
        source: The images.
        images: Those that are chosen, ascending, ``(N,)``.
    """
    if not isinstance(source, StoredRuns):
        return None
    cuts = np.searchsorted(images, source.run_starts).astype(np.int64)
    return PositionRuns(cuts, source.shuffle_window, partial(_ask, source, images))


def _ask(source: StoredRuns, images: NDArray[np.int64], first: int, stop: int) -> None:
    source.will_need(int(images[first]), int(images[stop - 1]) + 1)


class ShardSampler(EpochSampler):
    """Shuffles by (seed, epoch) within windows of what is read at once, and has it read before it is drawn.

    While one window is drawn, the next one of the same lanes is asked for, a lane at a time. No list of the epoch is
    made: the memory is that of a window.

    Args:
        runs: Where the samples lie.
        world_size: Number of processes.
        rank: Index of this process.
        seed: Seed of the order.
        drop_last: Leave out what cannot be shared equally, instead of repeating images.
    """

    def __init__(
        self, runs: PositionRuns, *, world_size: int = 1, rank: int = 0, seed: int = 0, drop_last: bool = False
    ) -> None:
        super().__init__(range(runs.count), world_size=world_size, rank=rank, seed=seed, drop_last=drop_last)
        self.runs = runs
        self._seed = seed

    def __iter__(self) -> Iterator[Draw]:
        """Yield what is left of this process's share of the epoch."""
        epoch = self.epoch
        return (Draw(epoch, position) for position in self._mine(self.runs.order(self._seed, epoch)))

    def _mine(self, order: WindowOrder) -> Iterator[int]:
        """Yield the positions at places rank, rank + W, … of the epoch, from the first that is left."""
        place = self.rank + self.start * self.num_replicas
        common = gcd(self.num_replicas, order.lanes)
        lanes = range(self.rank % common, order.lanes, common)
        self._ask(order, place // order.places, lanes)
        while place < min(self.total_size, order.count):
            number = place // order.places
            window = order.window(number)[place % order.places : self.total_size - number * order.places]
            window = window[:: self.num_replicas]
            pieces = np.array_split(window, len(lanes))
            for lane, piece in zip(lanes, pieces, strict=True):
                self._ask(order, number + 1, [lane])
                yield from piece.tolist()
            place += len(window) * self.num_replicas
        # repeated, so that all processes have as many
        for again in range(place, self.total_size, self.num_replicas):
            number, inside = divmod(again % order.count, order.places)
            yield int(order.window(number)[inside])

    def _ask(self, order: WindowOrder, number: int, lanes: Sequence[int]) -> None:
        if number < order.windows:
            for first, stop in chain.from_iterable(order.stretches(number, lane) for lane in lanes):
                self.runs.ask(first, stop)
