"""Who is trained on, which of their images are kept for validation, and who is never seen in training."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError

Indices = NDArray[np.int64]


class IdentitySplit(NamedTuple):
    """Indices of images in their source; training and unseen identities are disjoint."""

    train: Indices
    validation: Indices
    unseen: Indices
    train_identities: Indices
    """The source's identities that are trained on, ascending: an identity's class is its position here."""


def split_identities(
    identities: Indices,
    *,
    min_images: int,
    num_unseen: int,
    max_unseen_share: float = 0.5,
    images_per_unseen: int = 6,
    validation_share: float = 0.1,
    seed: int = 0,
) -> IdentitySplit:
    """Split images by identity.

    Unseen identities come first from those that training cannot use (2 to ``min_images - 1`` images), which
    costs training nothing; only what is then missing is taken from the others.

    Args:
        identities: Identity of every image, ``(N,)``.
        min_images: Images an identity needs to be trained on, at least 2.
        num_unseen: Identities wanted for evaluation, at least 2.
        max_unseen_share: Share of the trainable identities that evaluation may take, in ``[0, 1)``; two in any case.
        images_per_unseen: Images used of each unseen identity, at least 2: one for the gallery, the others are probes.
        validation_share: Share of each training identity's images that is kept for validation, in ``(0, 1)``; at
            least one image, and never all.
        seed: Seed of every choice.

    Raises:
        ValueError: If a setting is out of range.
        DataError: If fewer than two identities are left to train on, beside two to evaluate on.

    Example:
        >>> split = split_identities(np.repeat(np.arange(6), 10), min_images=10, num_unseen=2)
        >>> len(split.train_identities), len(split.train), len(split.validation), len(split.unseen)
        (4, 36, 4, 12)
    """
    _check_settings(min_images, num_unseen, max_unseen_share, images_per_unseen, validation_share)
    generator = np.random.default_rng((0x5B117, seed))
    counts = np.bincount(identities)
    trainable = np.flatnonzero(counts >= min_images)
    spare = generator.permutation(np.flatnonzero((counts >= 2) & (counts < min_images)))
    allowed = max(2 - len(spare), int(max_unseen_share * len(trainable)), 0)  # fewer than two are no evaluation
    borrowed = min(max(num_unseen - len(spare), 0), allowed)
    shuffled = generator.permutation(trainable)
    unseen = np.concatenate([spare[:num_unseen], shuffled[:borrowed]])
    train = np.sort(shuffled[borrowed:])
    _check_enough(counts, train, min_images)

    by_identity = _images_by_identity(identities, generator)
    kept = {i: min(max(1, round(validation_share * counts[i])), counts[i] - 1) for i in train}
    return IdentitySplit(
        train=np.sort(np.concatenate([by_identity[i][kept[i] :] for i in train])),
        validation=np.sort(np.concatenate([by_identity[i][: kept[i]] for i in train])),
        unseen=np.sort(np.concatenate([by_identity[i][:images_per_unseen] for i in unseen])),
        train_identities=train,
    )


def _images_by_identity(identities: Indices, generator: np.random.Generator) -> list[Indices]:
    shuffled = generator.permutation(len(identities))
    order = shuffled[np.argsort(identities[shuffled], kind="stable")]
    return np.split(order, np.cumsum(np.bincount(identities))[:-1])


def _check_enough(counts: Indices, train: Indices, min_images: int) -> None:
    if len(train) < 2:
        raise DataError(
            f"Expected at least 2 identities of at least {min_images} images to train on, beside 2 to evaluate on, "
            f"got {len(train)} (of {np.count_nonzero(counts)} identities of up to {counts.max(initial=0)} images)"
        )


def _check_settings(
    min_images: int, num_unseen: int, max_unseen_share: float, images_per_unseen: int, validation_share: float
) -> None:
    counts = {"min_images": min_images, "num_unseen": num_unseen, "images_per_unseen": images_per_unseen}
    for name, value in counts.items():
        if value < 2:
            raise ValueError(f"Expected `{name}` of at least 2, got {value}")
    if not 0.0 <= max_unseen_share < 1.0:
        raise ValueError(f"Expected `max_unseen_share` in [0, 1), got {max_unseen_share}")
    if not 0.0 < validation_share < 1.0:
        raise ValueError(f"Expected `validation_share` in (0, 1), got {validation_share}")
