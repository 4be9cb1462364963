"""Batches of training images: their size, their order and what they depend on, shuffled or by identity."""

import numpy as np
import pytest

from datamodules import IdentityBatches
from datamodules.errors import DataError
from datamodules.training_batches import TrainingBatches

IDENTITIES = np.repeat(np.arange(5), 4)
GROUPS = IdentityBatches(identities=4, images=2)


def test_a_batch_of_identities_is_that_of_all_processes_together_and_a_shuffled_one_that_of_each() -> None:
    shuffled, grouped = (TrainingBatches(IDENTITIES, 8, groups, seed=3) for groups in (None, GROUPS))
    assert (shuffled.size(2), grouped.size(2)) == (8, 4)
    assert [one.depend_on(2)["a batch of all processes of"] for one in (shuffled, grouped)] == [16, 8]
    assert [one.loader_settings(2, 1)["batch_size"] for one in (shuffled, grouped)] == [8, 4]


@pytest.mark.parametrize(("batch_size", "dropped"), [(8, True), (20, True), (21, False)])
def test_an_incomplete_batch_is_left_out_unless_it_is_the_only_one(batch_size: int, dropped: bool) -> None:
    settings = TrainingBatches(IDENTITIES, batch_size, None, seed=0).loader_settings(1, 0)
    assert settings["drop_last"] is dropped


def test_only_batches_of_identities_are_told() -> None:
    assert TrainingBatches(IDENTITIES, 8, None, seed=0).describe() == ""
    assert TrainingBatches(IDENTITIES, 8, GROUPS, seed=0).describe() == "; batches of 4 identities × 2 images"


def test_refuses_more_identities_than_there_are() -> None:
    with pytest.raises(DataError, match="at least 6 identities"):
        TrainingBatches(IDENTITIES, 8, IdentityBatches(identities=6), seed=0)
