"""Who is trained on, which of their images are kept for validation, and who is never seen in training."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.least import check_least

Indices = NDArray[np.int64]


class IdentitySplit(NamedTuple):
    """Indices of images in their source; training and unseen identities are disjoint."""

    train: Indices
    validation: Indices
    unseen: Indices
    train_identities: Indices
    """The source's identities that are trained on, ascending: an identity's class is its position here."""

    def classes_of(self, identities: Indices) -> Indices:
        """Return the class of each image of these identities, ``(N,)``; of who is not trained on, the next one's."""
        every = np.arange(identities.max(initial=-1) + 1)  # far fewer than images, of which there may be millions
        return np.asarray(np.searchsorted(self.train_identities, every)[identities])

    def among(self, images: Indices) -> "IdentitySplit":
        """Return the split of some of a source's images, ``(N,)``, as indices of the source."""
        return self._replace(train=images[self.train], validation=images[self.validation], unseen=images[self.unseen])

    def describe(self, identities: Indices) -> str:
        """Return how many images and identities, of all images' ``(N,)``, are trained, validated and evaluated on."""
        unseen = len(np.unique(identities[self.unseen]))
        return (
            f"training on {len(self.train):,} images of {len(self.train_identities):,} identities, "
            f"validating on {len(self.validation):,} other images of them, "
            f"evaluating on {len(self.unseen):,} images of {unseen:,} unseen identities"
        )


@dataclass(frozen=True)
class SplitSettings:
    """Who is trained on, and how much of what is kept for validation and evaluation.

    Args:
        min_images: Images an identity needs to be trained on, at least 2; the paper takes those with more than 50.
        num_unseen: Identities wanted for evaluation, at least 2.
        max_unseen_share: Share of the trainable identities that evaluation may take, in ``[0, 1)``; two in any case.
        images_per_unseen: Images used of each unseen identity, at least 2: one enrolled, the others probes.
        validation_share: Share of each training identity's images that is kept for validation, in ``(0, 1)``; at
            least one image, and never all.

    Raises:
        ValueError: If a setting is out of range.
    """

    min_images: int = 51
    num_unseen: int = 200
    max_unseen_share: float = 0.5
    images_per_unseen: int = 6
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        check_least(2, min_images=self.min_images, num_unseen=self.num_unseen, images_per_unseen=self.images_per_unseen)
        if not 0.0 <= self.max_unseen_share < 1.0:
            raise ValueError(f"Expected `max_unseen_share` in [0, 1), got {self.max_unseen_share}")
        if not 0.0 < self.validation_share < 1.0:
            raise ValueError(f"Expected `validation_share` in (0, 1), got {self.validation_share}")


def split_identities(identities: Indices, settings: SplitSettings, *, seed: int = 0) -> IdentitySplit:
    """Split images by identity.

    Unseen identities come first from those that training cannot use (2 to ``min_images - 1`` images), which
    costs training nothing; only what is then missing is taken from the others.

    Args:
        identities: Identity of every image, ``(N,)``.
        settings: How many of whom.
        seed: Seed of every choice.

    Raises:
        DataError: If fewer than two identities are left to train on, beside two to evaluate on.

    Example:
        >>> split = split_identities(np.repeat(np.arange(6), 10), SplitSettings(min_images=10, num_unseen=2))
        >>> len(split.train_identities), len(split.train), len(split.validation), len(split.unseen)
        (4, 36, 4, 12)
    """
    generator = np.random.default_rng((0x5B117, seed))
    counts = np.bincount(identities)
    unseen, train = _chosen(counts, settings, generator)
    _check_enough(counts, train, settings.min_images)

    by_identity = _images_by_identity(identities, generator)
    kept = {i: min(max(1, round(settings.validation_share * counts[i])), counts[i] - 1) for i in train}
    return IdentitySplit(
        train=np.sort(np.concatenate([by_identity[i][kept[i] :] for i in train])),
        validation=np.sort(np.concatenate([by_identity[i][: kept[i]] for i in train])),
        unseen=np.sort(np.concatenate([by_identity[i][: settings.images_per_unseen] for i in unseen])),
        train_identities=train,
    )


def _chosen(counts: Indices, settings: SplitSettings, generator: np.random.Generator) -> tuple[Indices, Indices]:
    """Return the unseen identities and, ascending, those to train on, from the number of each one's images."""
    trainable = np.flatnonzero(counts >= settings.min_images)
    spare = generator.permutation(np.flatnonzero((counts >= 2) & (counts < settings.min_images)))
    # fewer than two are no evaluation
    allowed = max(2 - len(spare), int(settings.max_unseen_share * len(trainable)), 0)
    borrowed = min(max(settings.num_unseen - len(spare), 0), allowed)
    shuffled = generator.permutation(trainable)
    unseen = np.concatenate([spare[: settings.num_unseen], shuffled[:borrowed]])
    return unseen, np.sort(shuffled[borrowed:])


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
