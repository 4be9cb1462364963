"""Batches of P identities with K images each, for losses that compare faces within a batch."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler

from datamodules.errors import DataError
from datamodules.least import check_least
from datamodules.randomness import sample_generator
from datamodules.sampler import Draw

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class IdentityBatches:
    """Batches of identities; takes the place of `batch_size`: one batch of all processes together.

    Args:
        identities: Distinct identities in a batch (P), at least 2.
        images: Images of each (K), at least 2: anchor and positive.

    Raises:
        ValueError: If a setting is out of range.
    """

    identities: int
    images: int = 4

    def __post_init__(self) -> None:
        check_least(2, identities=self.identities, images=self.images)


class IdentitySampler(DistributedSampler[Draw]):
    """Yields batch after batch of P distinct identities with K images each, ordered by (seed, epoch).

    P × K is the batch of all processes together, of which rank r of W yields the r-th of W slices: training does not
    depend on their number. In an epoch an image is drawn once or rests; an identity of n < K images is filled up with
    further views of them. All epochs have the same length, the longest that the labels allow.

    Args:
        labels: Class of each position of the dataset, ``(N,)``.
        identities: Distinct identities in a batch (P), at least 2, divisible by ``world_size``.
        images: Images of each (K), at least 2.
        world_size: Number of processes (W).
        rank: Index of this process (r).
        seed: Seed of the order.

    Raises:
        DataError: If fewer than P identities have two images.
        ValueError: If a setting is out of range.

    Example:
        >>> sampler = IdentitySampler(np.array([0, 0, 1, 1, 2]), identities=2, images=2)
        >>> sorted(sampler)[0], len(sampler), sampler.left_out
        (Draw(epoch=0, position=0, view=0), 4, 1)
    """

    def __init__(
        self, labels: Indices, *, identities: int, images: int, world_size: int = 1, rank: int = 0, seed: int = 0
    ) -> None:
        self.batches = IdentityBatches(identities, images)
        if not 0 <= rank < world_size:
            raise ValueError(f"Expected `rank` in [0, {world_size}), got {rank}")
        if identities % world_size:
            raise ValueError(f"Expected `identities` divisible by the {world_size} processes, got {identities}")
        # the base is here for its type: Lightning tells it the epoch and puts no sampler of its own in its place
        super().__init__(labels, num_replicas=world_size, rank=rank, seed=seed)  # type: ignore[arg-type]  # only its length is used
        _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        self._classes: Indices = classes  # (N,)
        self._counts: Indices = counts  # (C,)
        # one image alone has no positive
        self._groups: Indices = np.where(counts < 2, 0, np.maximum(counts // images, 1))  # (C,)
        self.left_out = int(np.count_nonzero(counts < 2))
        """Identities of one image, which are never drawn."""
        if (enough := len(counts) - self.left_out) < identities:
            raise DataError(
                f"Expected at least {identities} identities of at least 2 training images, as many as a batch has, "
                f"got {enough}"
            )
        self.num_batches = _number_of_batches(self._groups, identities)
        self.slice_size = identities * images // world_size
        """Draws of one batch that this process yields: the `batch_size` of its loader."""
        self.total_size = self.num_batches * identities * images
        self.num_samples = self.total_size // world_size  # what len() of the base returns
        self.start = 0
        """Draws of an epoch that this process leaves out, as it has trained on them."""

    def __iter__(self) -> Iterator[Draw]:
        """Yield this process's slice of each batch that is left, ``P · K / W`` draws of whole identities."""
        epoch = self.epoch
        positions, views = self._epoch_batches(sample_generator(self.seed, epoch, 0, stream="identity-batches"))
        share = self.batches.identities // self.num_replicas
        mine = slice(self.rank * share, (self.rank + 1) * share)
        mine_of_epoch = (part[:, mine].ravel()[self.start :].tolist() for part in (positions, views))
        for position, view in zip(*mine_of_epoch, strict=True):
            yield Draw(epoch, position, view)

    def _epoch_batches(self, generator: np.random.Generator) -> tuple[Indices, Indices]:
        """Return positions and views of all batches of an epoch, ``(B, P, K)`` each."""
        shuffled = generator.permutation(len(self._classes))
        by_class = shuffled[np.argsort(self._classes[shuffled], kind="stable")]  # (N,)
        first = np.cumsum(self._counts) - self._counts  # (C,)

        classes, nth = self._chosen_groups(generator)  # (B · P,)
        dealt = _deal(classes, self.num_batches, generator)  # (B, P)
        classes, nth = classes[dealt, None], nth[dealt, None]  # (B, P, 1)
        place = nth * self.batches.images + np.arange(self.batches.images)  # (B, P, K), among its identity's images
        count = self._counts[classes]
        return by_class[first[classes] + place % count], place // count

    def _chosen_groups(self, generator: np.random.Generator) -> tuple[Indices, Indices]:
        """Return class of each group of K images and which one of its class it is, ``(B · P,)``, class by class.

        Beside what an identity has more than B groups, fewer than P of all groups rest.
        """
        wanted = self.num_batches * self.batches.identities
        capped = np.minimum(self._groups, self.num_batches)
        identities = generator.permutation(len(capped))
        sizes = capped[identities]
        classes = np.repeat(identities, sizes)
        nth = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return classes[:wanted], nth[:wanted]


def _number_of_batches(groups: Indices, identities: int) -> int:
    """Return the largest B with Σ min(g, B) ≥ B · P: of an identity's g groups, B batches can hold at most B."""
    # the left side is concave in B and equals the right one at 0: once too small, it stays so
    candidates = range(1, int(groups.sum()) // identities + 1)
    return bisect_left(candidates, True, key=lambda b: bool(np.minimum(groups, b).sum() < b * identities))


def _deal(classes: Indices, num_batches: int, generator: np.random.Generator) -> Indices:
    """Deal B · P groups to B batches, no class twice to one of them.

    Groups lie class by class, at most B of a class, and are dealt in P rows of B: each row gives every batch one
    group. A class thus meets itself only where it goes over from one row to the next; there it takes other batches.
    Within that, rows are dealt independently: identities that share one batch need not share the next.

    Args:
        classes: Class of each group, ``(B · P,)``, equal ones side by side.
        num_batches: B.
        generator: Where chance comes from.

    Returns:
        Indices of groups, ``(B, P)``, in random order in each batch.
    """
    rows = classes.reshape(-1, num_batches)  # (P, B)
    batches = np.arange(num_batches)
    dealt = np.empty_like(rows)
    previous, taker = np.empty(0, np.int64), np.empty(0, np.int64)
    for number, row in enumerate(rows):
        closed = taker[previous == row[0]]
        going_over = generator.permutation(np.setdiff1d(batches, closed))[: np.count_nonzero(row == row[0])]
        others = generator.permutation(np.setdiff1d(batches, going_over))
        previous, taker = row, np.concatenate([going_over, others])
        dealt[number, taker] = number * num_batches + batches
    return generator.permuted(dealt.T, axis=1)
