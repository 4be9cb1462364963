"""Who is trained on and who is unseen."""

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.split import IdentitySplit, SplitSettings, split_identities

COUNTS = [12] * 10 + [5] * 6 + [1] * 3
IDENTITIES = np.repeat(np.arange(len(COUNTS)), COUNTS)


def shown(split: IdentitySplit, part: str) -> set[int]:
    return set(IDENTITIES[getattr(split, part)].tolist())


def test_unseen_identities_are_never_trained_on() -> None:
    split = split_identities(IDENTITIES, SplitSettings(min_images=10, num_unseen=8))
    assert not shown(split, "unseen") & (shown(split, "train") | shown(split, "validation"))


def test_unseen_identities_are_first_those_that_training_cannot_use() -> None:
    split = split_identities(IDENTITIES, SplitSettings(min_images=10, num_unseen=4))
    assert shown(split, "unseen") <= set(range(10, 16))
    assert shown(split, "train") == set(range(10))


def test_what_is_missing_is_borrowed_up_to_a_share() -> None:
    split = split_identities(IDENTITIES, SplitSettings(min_images=10, num_unseen=100, max_unseen_share=0.3))
    assert len(shown(split, "unseen")) == 6 + 3
    assert len(shown(split, "train")) == 7


def test_an_image_is_used_once() -> None:
    split = split_identities(IDENTITIES, SplitSettings(min_images=10, num_unseen=8, images_per_unseen=4))
    used = np.concatenate([split.train, split.validation, split.unseen])
    assert len(used) == len(set(used.tolist()))
    assert len(split.unseen) == 8 * 4


def test_every_training_identity_is_validated() -> None:
    split = split_identities(IDENTITIES, SplitSettings(min_images=10, num_unseen=2, validation_share=0.01))
    assert shown(split, "validation") == shown(split, "train") == set(split.train_identities.tolist())
    assert len(split.validation) == len(split.train_identities)


def test_chance_is_the_seed() -> None:
    first, again, other = (
        split_identities(IDENTITIES, SplitSettings(min_images=10, num_unseen=8), seed=s) for s in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.validation, other.validation)


def test_refuses_too_few_identities() -> None:
    with pytest.raises(DataError, match=r"2 identities of at least 13 images to train on.* got 0 \(of 19 .* up to 12"):
        split_identities(IDENTITIES, SplitSettings(min_images=13, num_unseen=2))


@pytest.mark.parametrize("name", ["min_images", "num_unseen", "images_per_unseen"])
def test_refuses_numbers_below_two(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` of at least 2, got 1"):
        SplitSettings(**{name: 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_unseen_share", 1.0), ("max_unseen_share", -0.1), ("validation_share", 0.0), ("validation_share", 1.0)],
)
def test_refuses_shares(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` in"):
        SplitSettings(**{name: value})  # type: ignore[arg-type]  # both are shares


def test_every_training_identity_keeps_an_image() -> None:
    split = split_identities(IDENTITIES, SplitSettings(min_images=5, num_unseen=4, validation_share=0.99))
    assert shown(split, "train") == set(split.train_identities.tolist())


def test_two_identities_are_evaluated_on_however_small_the_share() -> None:
    split = split_identities(
        np.repeat(np.arange(6), 10), SplitSettings(min_images=10, num_unseen=4, max_unseen_share=0.1)
    )
    assert len(np.unique(np.repeat(np.arange(6), 10)[split.unseen])) == 2
