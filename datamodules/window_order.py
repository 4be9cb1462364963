"""The order in which long files of images are read: files shuffled, and images within a window of what is read."""

from collections.abc import Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from datamodules.randomness import sample_generator

LANES = 192
"""Stretches of an epoch that are read beside each other, whatever the number of processes: with 1, 2, 3, 4, 6, 8, 12,
16, 24, 32, 48, 64, 96 or 192 processes each reads lanes of its own."""

Positions = NDArray[np.int64]


class WindowOrder:
    """One epoch's order of N positions that lie in S runs, as a function of (seed, epoch).

    The runs, one after the other in random order, are cut into L equal lanes. Place p of the epoch is taken from lane
    p mod L, and every lane is shuffled within windows of equal length. So what a batch holds is the same for any number
    of processes, and process r of W, which takes places r, r + W, …, reads the lanes of its own where W divides L. Any
    place is found without those before it.

    Args:
        cuts: First position of each run and, last, N, ``(S + 1,)``, ascending; a run may be empty.
        window: Positions of all lanes that are shuffled together, at least 1.
        seed: Seed of the order.
        epoch: Epoch from 0.
        lanes: Number of lanes (L).

    Example:
        >>> order = WindowOrder(np.array([0, 4, 8]), window=4, seed=0, epoch=0, lanes=2)
        >>> [order.window(number).tolist() for number in range(order.windows)]
        [[4, 1, 5, 0], [7, 3, 6, 2]]
    """

    def __init__(self, cuts: Positions, *, window: int, seed: int, epoch: int, lanes: int = LANES) -> None:
        self.count = int(cuts[-1])
        self.lanes = max(1, min(lanes, self.count))
        self.rows = max(1, window // self.lanes)
        """Positions of a lane that are shuffled together."""
        self.windows = ceil(self.count / (self.rows * self.lanes))
        self._key = seed, epoch
        runs = sample_generator(seed, epoch, 0, stream="shards").permutation(len(cuts) - 1)
        lengths = np.diff(cuts)[runs]  # (S,), in the order in which they are read
        self._ends = np.cumsum(lengths)  # (S,)
        self._shifts = cuts[:-1][runs] - (self._ends - lengths)  # (S,), from what is read as the n-th to its position
        length, longer = divmod(self.count, self.lanes)
        lane = np.arange(self.lanes)
        self._lane_starts = lane * length + np.minimum(lane, longer)  # (L,)
        self._lane_lengths = length + (lane < longer)  # (L,)

    @property
    def places(self) -> int:
        """How many places of the epoch a window has; the last may have fewer."""
        return self.rows * self.lanes

    def window(self, number: int) -> Positions:
        """Return the positions of a window, place after place, ``(places,)``."""
        first = number * self.rows
        lengths = np.clip(self._lane_lengths - first, 0, self.rows)  # (L,)
        keys = sample_generator(*self._key, number, stream="shard-window").random((lengths.max(), self.lanes))
        keys[np.arange(len(keys))[:, None] >= lengths] = 1.0  # above all others: what a shorter lane lacks stays last
        chosen: Positions = self._lane_starts + first + np.argsort(keys, axis=0, kind="stable")  # (rows, L)
        return self._positions(chosen.ravel()[: lengths.sum()])

    def stretches(self, number: int, lane: int) -> Iterator[tuple[int, int]]:
        """Yield what a lane reads for a window: first position, and the one after the last, run after run."""
        first = min(number * self.rows, int(self._lane_lengths[lane]))
        stop = min(first + self.rows, int(self._lane_lengths[lane]))
        begin, end = (int(self._lane_starts[lane]) + place for place in (first, stop))
        while begin < end:
            run = int(np.searchsorted(self._ends, begin, side="right"))
            until = min(end, int(self._ends[run]))
            (position,) = self._positions(np.array([begin])).tolist()
            yield position, position + until - begin
            begin = until

    def _positions(self, read: Positions) -> Positions:
        """Return the positions that are read as the n-th, of runs one after the other."""
        run = np.searchsorted(self._ends, read, side="right")
        return np.asarray(self._shifts[run] + read)
