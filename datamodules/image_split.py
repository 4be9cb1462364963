"""Which images of a segmentation set are trained on, validated on and evaluated on: people of one are in no other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.split import IdentitySplit

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class ImageShares:
    """How many of a segmentation set's images are not trained on.

    Args:
        validation: Share of the identities, or of the images where nobody knows whom they show, kept for validation.
        unseen: Share kept for the evaluation.

    Raises:
        ValueError: If one is not in (0, 1), or nothing is left to train on.
    """

    validation: float = 0.1
    unseen: float = 0.2

    def __post_init__(self) -> None:
        for name, share in (("validation", self.validation), ("unseen", self.unseen)):
            if not 0.0 < share < 1.0:
                raise ValueError(f"Expected `{name}` in (0, 1), got {share}")
        if self.validation + self.unseen >= 1.0:
            raise ValueError(
                f"Expected `validation` and `unseen` below 1 together, got {self.validation + self.unseen}"
            )


def split_images(identities: Indices, shares: ImageShares, *, seed: int = 0) -> IdentitySplit:
    """Split images so that no identity is in two parts.

    Args:
        identities: Identity of every image, ``(N,)``; where none is known, a number of its own for each.
        shares: How much of what.
        seed: Seed of the choice.

    Raises:
        DataError: If there are fewer than four identities: two to train on, one for each of the others.

    Example:
        >>> split = split_images(np.arange(10), ImageShares())
        >>> len(split.train), len(split.validation), len(split.unseen)
        (7, 1, 2)
    """
    names = np.unique(identities)
    if len(names) < 4:
        raise DataError(f"Expected at least 4 images of different people to split, got {len(names)}")
    order = np.random.default_rng((0x5E67, seed)).permutation(names)
    validation = min(max(1, round(shares.validation * len(names))), len(names) - 3)
    unseen = min(max(1, round(shares.unseen * len(names))), len(names) - 2 - validation)
    parts = np.split(order, [validation, validation + unseen])
    images = [np.flatnonzero(np.isin(identities, part)) for part in parts]
    return IdentitySplit(train=images[2], validation=images[0], unseen=images[1], train_identities=np.sort(parts[2]))
