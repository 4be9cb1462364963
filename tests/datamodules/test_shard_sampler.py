"""Order of samples in shards over processes, and what is read ahead of them."""

import numpy as np
import pytest

from datamodules.shard_sampler import PositionRuns, ShardSampler, runs_of
from datamodules.window_order import WindowOrder

CUTS = np.array([0, 5, 5, 11, 17])
Asked = list[tuple[int, int]]


def sampler(*, world_size: int = 1, rank: int = 0, drop_last: bool = False, asked: Asked | None = None) -> ShardSampler:
    runs = PositionRuns(
        CUTS, 6, lambda first, stop: (asked if asked is not None else []).append((first, stop)), lanes=2
    )
    made = ShardSampler(runs, world_size=world_size, rank=rank, seed=1, drop_last=drop_last)
    made.set_epoch(2)
    return made


def positions(made: ShardSampler) -> list[int]:
    return [draw.position for draw in made]


ONE = [6, 3, 5, 4, 7, 11, 9, 13, 8, 12, 10, 14, 1, 16, 2, 15, 0]
"""The golden order of seed 1 and epoch 2."""


def test_golden_order() -> None:
    assert positions(sampler()) == ONE
    assert {draw.epoch for draw in sampler()} == {2}


@pytest.mark.parametrize("world_size", [2, 3, 4, 7, 15])
def test_processes_share_the_order_of_one(world_size: int) -> None:
    for drop_last in (False, True):
        parts = [
            positions(sampler(world_size=world_size, rank=rank, drop_last=drop_last)) for rank in range(world_size)
        ]
        together = [position for step in zip(*parts, strict=True) for position in step]
        rest = 17 % world_size
        expected = ONE[: 17 - rest] if drop_last else [*ONE, *ONE[: -17 % world_size]]
        assert together == expected


@pytest.mark.parametrize("world_size", [1, 3])
def test_what_is_left_of_an_epoch_needs_nothing_of_what_was_before(world_size: int) -> None:
    whole = positions(sampler(world_size=world_size))
    for start in range(len(whole)):
        made = sampler(world_size=world_size)
        made.start = start
        assert positions(made) == whole[start:]


def test_processes_of_a_machine_each_read_lanes_of_their_own() -> None:
    order = WindowOrder(CUTS, window=6, seed=1, epoch=2, lanes=2)
    for rank in range(2):
        asked: Asked = []
        drawn = positions(sampler(world_size=2, rank=rank, asked=asked))
        read = [position for first, stop in asked for position in range(first, stop)]
        lane = [part for number in range(order.windows) for part in order.stretches(number, rank)]
        assert asked == lane
        assert sorted(read) == sorted(set(drawn)) or rank == 1  # which repeats one of the other lane's at the end


def test_all_is_asked_for_before_it_is_drawn() -> None:
    asked: Asked = []
    for draw in sampler(asked=asked):
        assert any(first <= draw.position < stop for first, stop in asked)
    assert sum(stop - first for first, stop in asked) == 17


def test_half_a_window_ahead_is_asked_for_at_least() -> None:
    asked: Asked = []
    drawn = iter(sampler(asked=asked))
    next(drawn)
    assert sum(stop - first for first, stop in asked) >= 6 + 3


def test_a_resumed_epoch_asks_for_what_is_left_and_the_window_it_is_in() -> None:
    asked: Asked = []
    made = sampler(asked=asked)
    made.start = 13
    positions(made)
    assert sum(stop - first for first, stop in asked) == 5


class Source:
    """Eight images in two files."""

    shuffle_window = 4
    run_starts = np.array([0, 3, 8])

    def __init__(self) -> None:
        self.asked: Asked = []

    def will_need(self, first: int, stop: int) -> None:
        self.asked.append((first, stop))


def test_positions_are_those_of_chosen_images() -> None:
    source = Source()
    runs = runs_of(source, np.array([1, 2, 4, 5, 7]))
    assert runs is not None
    assert runs.cuts.tolist() == [0, 2, 5]
    runs.ask(2, 5)
    assert source.asked == [(4, 8)]
    assert runs.windowed
    assert runs_of(object(), np.arange(5)) is None
