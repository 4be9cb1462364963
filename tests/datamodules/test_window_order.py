"""The order of what lies in shards: every place is found by itself, and lanes are read run after run."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from datamodules.window_order import WindowOrder

CUTS = np.array([0, 5, 5, 11, 17])
"""Four runs, one of them empty."""
CASES = [(CUTS, 6, 2), (np.array([0, 3, 10, 23]), 7, 3), (np.array([0, 1]), 4, 192), (np.array([0, 100]), 30, 7)]


def order(cuts: np.ndarray, window: int, lanes: int, *, seed: int = 1, epoch: int = 2) -> list[list[int]]:
    made = WindowOrder(cuts, window=window, seed=seed, epoch=epoch, lanes=lanes)
    return [made.window(number).tolist() for number in range(made.windows)]


def test_golden_order() -> None:
    # runs in the order 5–10, 0–4, none, 11–16; lanes 5–10 0–2 and 3 4 11–16; three of each are shuffled together
    assert order(CUTS, 6, 2) == [[6, 3, 5, 4, 7, 11], [9, 13, 8, 12, 10, 14], [1, 16, 2, 15, 0]]


@pytest.mark.parametrize(("cuts", "window", "lanes"), CASES)
def test_every_position_comes_once(cuts: np.ndarray, window: int, lanes: int) -> None:
    places = [position for part in order(cuts, window, lanes) for position in part]
    assert sorted(places) == list(range(cuts[-1]))


def test_seed_and_epoch_change_the_order_and_nothing_else_does() -> None:
    orders = [order(CUTS, 6, 2, seed=seed, epoch=epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0), (1, 0))]
    assert orders[2] == orders[3]
    assert all(orders[i] != orders[j] for i in range(3) for j in range(i))


@pytest.mark.parametrize(("cuts", "window", "lanes"), CASES)
def test_a_window_of_a_lane_is_what_its_stretches_are(cuts: np.ndarray, window: int, lanes: int) -> None:
    made = WindowOrder(cuts, window=window, seed=0, epoch=3, lanes=lanes)
    for number in range(made.windows):
        positions = made.window(number)
        for lane in range(made.lanes):
            read = [place for first, stop in made.stretches(number, lane) for place in range(first, stop)]
            assert sorted(positions[lane :: made.lanes].tolist()) == sorted(read)


def test_stretches_end_where_runs_do() -> None:
    made = WindowOrder(CUTS, window=12, seed=0, epoch=0, lanes=2)
    runs = np.searchsorted(CUTS, np.arange(17), side="right")
    stretches = [part for number in range(made.windows) for lane in range(2) for part in made.stretches(number, lane)]
    assert all(len(set(runs[first:stop].tolist())) == 1 for first, stop in stretches)
    # two lanes and three windows cut three runs at most four times more
    assert len(stretches) <= 3 + 2 * made.windows


def test_lanes_are_read_run_by_run() -> None:
    cuts = np.arange(0, 2001, 100)
    made = WindowOrder(cuts, window=40, seed=0, epoch=0, lanes=4)
    for lane in range(4):
        read = [part for number in range(made.windows) for part in made.stretches(number, lane)]
        goes_on = [stop == first for (_, stop), (first, _) in pairwise(read)]
        # each lane has five runs' images, of at most six runs: all other stretches go on where the one before ended
        assert goes_on.count(False) <= 5


def test_places_of_a_window_are_uniform() -> None:
    # of one lane of 4, each position comes at each place of the window in a quarter of the epochs
    counts = Counter(
        (place, position)
        for epoch in range(2000)
        for place, position in enumerate(order(np.array([0, 4]), 4, 1, epoch=epoch)[0])
    )
    expected, deviation = 500, (2000 * 0.25 * 0.75) ** 0.5
    assert max(abs(counts[pair] - expected) for pair in np.ndindex(4, 4)) < 4.5 * deviation
