"""Batches of P identities with K images each: a function of seed and epoch, the same for any number of processes."""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.identity_sampler import IdentityBatches, IdentitySampler
from datamodules.sampler import Draw

Batch = list[Draw]


def labels_of(counts: list[int], seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))


def batches(sampler: IdentitySampler, epoch: int = 0) -> list[Batch]:
    sampler.set_epoch(epoch)
    draws, size = list(sampler), sampler.slice_size
    assert len(draws) % size == 0
    return [draws[i : i + size] for i in range(0, len(draws), size)]


def draws_of(sampler: IdentitySampler, epoch: int) -> list[Draw]:
    return [draw for batch in batches(sampler, epoch) for draw in batch]


def unbalanced() -> Iterator[tuple[list[int], int, int]]:
    """Counts of images, P and K: from one image to very many, batches of two identities up to all there are."""
    generator = np.random.default_rng(0)
    for _ in range(60):
        counts = np.ceil(generator.pareto(0.7, size=generator.integers(4, 40)) * 3).clip(1, 300).astype(int)
        usable = np.count_nonzero(counts > 1)
        if usable >= 2:
            yield counts.tolist(), int(generator.integers(2, usable + 1)), int(generator.integers(2, 7))


CASES = list(unbalanced())


def longest(groups: list[int], identities: int) -> int:
    """Count batches as the largest supplies allow: always take from the P identities with most groups left."""
    left, number = sorted(groups, reverse=True), 0
    while left[identities - 1] > 0:
        left = sorted([g - 1 for g in left[:identities]] + left[identities:], reverse=True)
        number += 1
    return number


@pytest.mark.parametrize(("counts", "identities", "images"), CASES)
def test_each_batch_holds_p_distinct_identities_of_k_images(counts: list[int], identities: int, images: int) -> None:
    labels = labels_of(counts)
    for batch in batches(IdentitySampler(labels, identities=identities, images=images), epoch=3):
        of_group = labels[[draw.position for draw in batch]].reshape(identities, images)
        assert (of_group == of_group[:, :1]).all()
        assert len(set(of_group[:, 0])) == identities
        assert {draw.epoch for draw in batch} == {3}


@pytest.mark.parametrize(("counts", "identities", "images"), CASES)
def test_an_image_is_drawn_once_in_an_epoch_or_as_another_view(counts: list[int], identities: int, images: int) -> None:
    labels = labels_of(counts)
    draws = Counter(IdentitySampler(labels, identities=identities, images=images))
    assert set(draws.values()) == {1}
    assert all(draw.view == 0 for draw in draws if counts[labels[draw.position]] >= images)


@pytest.mark.parametrize(("counts", "identities", "images"), CASES)
def test_all_epochs_have_the_length_that_is_told_and_it_is_the_longest(
    counts: list[int], identities: int, images: int
) -> None:
    sampler = IdentitySampler(labels_of(counts), identities=identities, images=images)
    number = longest([max(1, n // images) if n > 1 else 0 for n in counts], identities)
    assert len(sampler) == number * identities * images
    assert {len(batches(sampler, epoch)) for epoch in range(4)} == {number}


def test_few_images_are_filled_up_by_further_views_evenly() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    (batch,) = batches(IdentitySampler(labels, identities=2, images=5))
    views = [{p: [d.view for d in batch if d.position == p] for p in np.flatnonzero(labels == c)} for c in (0, 1)]
    assert sorted(views[0].values()) == [[0, 1], [0, 1, 2]]
    assert sorted(views[1].values()) == [[0], [0, 1], [0, 1]]


def test_order_is_a_function_of_seed_and_epoch_alone() -> None:
    labels = labels_of([9] * 12)
    orders = []
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        first, again = (IdentitySampler(labels, identities=4, images=2, seed=seed) for _ in range(2))
        batches(again, epoch=5)  # what was drawn before is irrelevant
        assert batches(first, epoch) == batches(again, epoch)
        orders.append(tuple(draw.position for batch in batches(first, epoch) for draw in batch))
    assert len(set(orders)) == 3


@pytest.mark.parametrize("world_size", [2, 4])
def test_slices_of_the_processes_are_the_batches_of_one(world_size: int) -> None:
    labels = labels_of([9, 30, 2, 5, 1, 8, 8, 17, 40, 3, 12])
    alone = batches(IdentitySampler(labels, identities=8, images=3), epoch=2)
    ranks = [
        IdentitySampler(labels, identities=8, images=3, world_size=world_size, rank=rank) for rank in range(world_size)
    ]
    assert {len(rank) for rank in ranks} == {len(alone) * 24 // world_size}
    slices = zip(*(batches(rank, epoch=2) for rank in ranks), strict=True)
    assert [[draw for part in parts for draw in part] for parts in slices] == alone


def test_no_image_starves() -> None:
    labels = labels_of([2, 3, 5, 7, 40, 90, 1])
    sampler = IdentitySampler(labels, identities=3, images=4)
    used = {draw.position for epoch in range(200) for draw in draws_of(sampler, epoch)}
    assert used == set(np.flatnonzero(labels != 6))


def test_identities_of_equal_size_rest_equally_often() -> None:
    labels = labels_of([4] * 7)
    sampler = IdentitySampler(labels, identities=5, images=4)
    drawn = Counter(labels[draw.position] for epoch in range(400) for draw in draws_of(sampler, epoch))
    assert all(abs(drawn[i] / (4 * 400) - 5 / 7) < 0.1 for i in range(7))  # four standard deviations


def test_identities_meet_others_in_each_batch() -> None:
    # 8 groups of each of 60 identities in 120 batches of 4: 24 others to meet, about 20 of them different by chance;
    # groups dealt round and round would lock the same four together 8 times
    labels = labels_of([16] * 60)
    met: dict[int, set[int]] = {i: set() for i in range(60)}
    for batch in batches(IdentitySampler(labels, identities=4, images=2)):
        together = {int(labels[draw.position]) for draw in batch}
        for identity in together:
            met[identity] |= together - {identity}
    assert np.mean([len(others) for others in met.values()]) > 18


def test_each_pair_of_identities_meets_in_some_epoch() -> None:
    labels, met = labels_of([8] * 9), set()
    sampler = IdentitySampler(labels, identities=4, images=2)
    for epoch in range(20):
        for batch in batches(sampler, epoch):
            met |= {frozenset(pair) for pair in combinations({int(labels[draw.position]) for draw in batch}, 2)}
    assert len(met) == 9 * 8 / 2


def test_an_identity_comes_to_every_process_in_an_epoch() -> None:
    labels = labels_of([40] * 30)  # 20 groups of each: all in one half of the batches has a chance of 2 in a million
    for rank in range(2):
        sampler = IdentitySampler(labels, identities=4, images=2, world_size=2, rank=rank)
        assert len({labels[draw.position] for draw in sampler}) == 30


@pytest.mark.parametrize("identities", [5, 20, 40])
def test_fewer_groups_rest_than_a_batch_has(identities: int) -> None:
    labels = labels_of([4] * 30 + [8] * 10 + [12] * 5)  # 30 + 20 + 15 groups of 4
    sampler = IdentitySampler(labels, identities=identities, images=4)
    capped = 30 + 10 * min(2, sampler.num_batches) + 5 * min(3, sampler.num_batches)
    assert 0 <= capped - sampler.num_batches * identities < identities


def test_identities_of_one_image_are_left_out_and_counted() -> None:
    labels = labels_of([1, 4, 1, 4, 4])
    sampler = IdentitySampler(labels, identities=2, images=2)
    assert sampler.left_out == 2
    assert {labels[draw.position] for epoch in range(9) for draw in draws_of(sampler, epoch)} == {1, 3, 4}


def test_refuses_fewer_identities_than_a_batch_has() -> None:
    with pytest.raises(DataError, match=r"at least 3 identities of at least 2 training images, .*, got 2"):
        IdentitySampler(labels_of([5, 1, 5]), identities=3, images=2)


@pytest.mark.parametrize("setting", ["identities", "images"])
def test_refuses_batches_without_positives_or_negatives(setting: str) -> None:
    settings = {"identities": 2, "images": 2, setting: 1}
    with pytest.raises(ValueError, match=f"`{setting}` of at least 2, got 1"):
        IdentityBatches(**settings)
    with pytest.raises(ValueError, match=f"`{setting}` of at least 2, got 1"):
        IdentitySampler(labels_of([5] * 4), **settings)


def test_refuses_identities_that_processes_cannot_share() -> None:
    with pytest.raises(ValueError, match="`identities` divisible by the 2 processes, got 3"):
        IdentitySampler(labels_of([5] * 4), identities=3, images=2, world_size=2)


@pytest.mark.parametrize("rank", [-1, 2])
def test_refuses_a_rank_out_of_range(rank: int) -> None:
    with pytest.raises(ValueError, match=rf"`rank` in \[0, 2\), got {rank}"):
        IdentitySampler(labels_of([5] * 4), identities=2, images=2, world_size=2, rank=rank)
