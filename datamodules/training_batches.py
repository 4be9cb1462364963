"""How training images are put into batches: shuffled, or so many images of so many identities each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.identity_sampler import IdentityBatches, IdentitySampler
from datamodules.sampler import EpochSampler
from datamodules.shard_sampler import PositionRuns, ShardSampler


class TrainingBatches:
    """Batches of the training images.

    Args:
        identities: Identity of every training image, ``(N,)``.
        batch_size: Images a process trains on at once, where batches are shuffled.
        groups: Batches of identities instead, ``None`` for shuffled ones.
        seed: Seed of the order.
        runs: How the images lie in files that are read nearly as they lie, ``None`` where each is a file of its own.

    Raises:
        DataError: If there are too few identities for ``groups``.
    """

    def __init__(
        self,
        identities: NDArray[np.int64],
        batch_size: int,
        groups: IdentityBatches | None,
        seed: int,
        runs: PositionRuns | None = None,
    ) -> None:
        self.images = len(identities)
        # of many million images, hundreds of megabytes that nothing else asks for
        self._identities = identities if groups else np.empty(0, np.int64)
        self.batch_size = batch_size
        self.groups = groups
        self.seed = seed
        self.runs = runs if runs is not None and runs.windowed and groups is None else None
        self._left_out = self._grouped(groups).left_out if groups else 0

    def size(self, world_size: int) -> int:
        """Return how many images one of ``world_size`` processes trains on at once."""
        groups = self.groups
        return groups.identities * groups.images // world_size if groups else self.batch_size

    def loader_settings(self, world_size: int, rank: int) -> dict[str, Any]:
        """Return what a loader of process ``rank`` takes: sampler, size of a batch, whether to drop the last."""
        if self.groups is not None:
            grouped = self._grouped(self.groups, world_size=world_size, rank=rank)
            return {"sampler": grouped, "batch_size": grouped.slice_size, "drop_last": True}
        # a last batch of one face would break batch norm
        drop_last = self.images // world_size >= self.batch_size
        how: dict[str, Any] = {"world_size": world_size, "rank": rank, "seed": self.seed, "drop_last": drop_last}
        shuffled = EpochSampler(range(self.images), **how) if self.runs is None else ShardSampler(self.runs, **how)
        return {"sampler": shuffled, "batch_size": self.batch_size, "drop_last": drop_last}

    def depend_on(self, world_size: int) -> dict[str, int]:
        """Return, in words, what the batches of an epoch depend on."""
        groups = self.groups
        together = groups.identities * groups.images if groups else self.batch_size * world_size
        return {
            "a batch of all processes of": together,
            "identities in a batch:": groups.identities if groups else 0,
            "training images:": self.images,
            "a seed of": self.seed,
            "images that are shuffled together:": self.runs.window if self.runs else 0,
            "shards:": len(self.runs.cuts) - 1 if self.runs else 0,
        }

    def describe(self) -> str:
        """Return in words what a batch of identities holds, nothing of shuffled ones."""
        if self.groups is None:
            return ""
        left_out = f"; {self._left_out:,} identities of one training image left out" if self._left_out else ""
        return f"; batches of {self.groups.identities} identities × {self.groups.images} images{left_out}"

    def _grouped(self, groups: IdentityBatches, *, world_size: int = 1, rank: int = 0) -> IdentitySampler:
        return IdentitySampler(
            self._identities,
            identities=groups.identities,
            images=groups.images,
            world_size=world_size,
            rank=rank,
            seed=self.seed,
        )
