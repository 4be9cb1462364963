"""Means and intervals over seeds, against tables of Student's t."""

import math
from statistics import fmean, stdev

import pytest

from experiments.reproduction.declaration import Column
from experiments.reproduction.records import Run
from experiments.reproduction.summary import cell, estimate, measured, paired, seconds
from tests.helpers.reproductions import SCARF, done

T_975 = {1: 12.7062, 2: 4.30265, 4: 2.77645}
"""97.5 % points of Student's t by degrees of freedom, from a printed table."""


@pytest.mark.parametrize("values", [[1.0, 3.0], [1.0, 2.0, 6.0], [0.5, -0.5, 2.0, 1.0, 4.0]])
def test_an_interval_is_students(values: list[float]) -> None:
    found = estimate(values)
    assert found is not None
    half = T_975[len(values) - 1] * stdev(values) / math.sqrt(len(values))
    assert tuple(found) == pytest.approx((fmean(values), half, len(values)), rel=1e-5)


def test_one_seed_has_no_interval_and_none_no_mean() -> None:
    one = estimate([2.5])
    assert one is not None
    assert (one.mean, math.isnan(one.half), one.seeds, one.text()) == (2.5, True, 1, "2.5")
    assert estimate([]) is None


def test_the_first_measure_that_a_run_has_counts_even_if_it_is_zero() -> None:
    column = Column("scarf", ["ar", "test"], factor=10)
    assert measured(Run("a", 0, "", "", measures={"test": 0.5, "ar": 0.0}), column) == 0
    assert measured(Run("a", 0, "", "", measures={"test": 0.5}), column) == 5
    assert measured(Run("a", 0, "", ""), column) is None


def test_a_cell_takes_its_rows_runs_that_have_the_measure() -> None:
    runs = [done("a", 0, 0.1), done("a", 1, 0.3), Run("a", 2, "", ""), done("b", 0, 0.9)]
    found = cell(runs, "a", SCARF)
    assert found is not None
    assert tuple(found) == pytest.approx((20, 12.7062 * 10, 2), rel=1e-5)
    assert cell(runs, "c", SCARF) is None


def test_differences_are_of_the_same_seed_whatever_the_order() -> None:
    runs = [done("a", 2, 0.9), done("a", 0, 0.1), done("b", 1, 0.5), done("b", 0, 0.3), done("b", 2, 0.6)]
    found = paired(runs, "a", "b", SCARF)
    assert found is not None
    assert found.mean == pytest.approx((30 - 20) / 2)  # seed 1 is left out: a has none
    assert found.half == pytest.approx(12.7062 * 25, rel=1e-5)
    assert found.seeds == 2


def test_what_the_seeds_share_drops_out_of_a_difference() -> None:
    runs = [done(row, seed, 0.2 * seed + shift) for seed in range(3) for row, shift in (("a", 0.05), ("b", 0.0))]
    found = paired(runs, "a", "b", SCARF)
    assert found is not None
    assert tuple(found) == pytest.approx((5, 0, 3), abs=1e-9)


def test_training_time_is_the_median_of_finished_runs() -> None:
    runs = [done("a", seed, 0.1, seconds=time) for seed, time in enumerate((10.0, 900.0, 20.0))]
    failed = Run("a", 3, "", "", status="failed", seconds=10_000)
    assert seconds([*runs, failed], "a") == 20
    assert seconds([failed], "a") is None
