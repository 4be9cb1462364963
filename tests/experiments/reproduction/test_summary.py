"""Means and intervals over seeds, against tables of Student's t."""

import math
from dataclasses import replace
from statistics import fmean, stdev

import pytest
from scipy.stats import ttest_1samp

from experiments.reproduction.paper_parts import Column
from experiments.reproduction.row_run import RowRun
from experiments.reproduction.summary import cell, estimate, measured, paired, seconds, settled
from tests.helpers.reproductions import SCARF, done, run_of

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


def test_a_figure_is_a_measure_times_the_factor_even_if_it_is_zero() -> None:
    column = Column("scarf", ["ar/scarf/rank1"], factor=10)
    assert measured(run_of("a", measures={"test/rank1/scarf": 0.5, "ar/scarf/rank1": 0.0}), column) == 0
    assert measured(run_of("a", measures={"ar/scarf/rank1": 0.5}), column) == 5
    assert measured(run_of("a"), column) is None


def with_ar(run: RowRun, value: float) -> RowRun:
    return replace(run, measures={**run.measures, "ar/scarf/rank1": value})


def test_a_column_is_of_one_protocol_for_all_rows() -> None:
    runs = [with_ar(done("a", 0, 0.1), 0.8), done("b", 0, 0.2), done("c", 0, 0.3)]
    assert settled(SCARF, runs).measures == ["ar/scarf/rank1"]
    found = [cell(runs, row, SCARF) for row in "abc"]
    assert [one and one.mean for one in found] == [80, None, None]
    assert [one and one.mean for row in "abc" if (one := cell(runs[1:], row, SCARF))] == [20, 30]


def test_a_difference_is_of_one_protocol_in_both_rows() -> None:
    runs = [with_ar(done("a", 0, 0.1), 0.8), done("b", 0, 0.2), with_ar(done("a", 1, 0.1), 0.7)]
    assert paired(runs, "a", "b", SCARF) is None
    found = paired([*runs, with_ar(done("b", 1, 0.5), 0.6)], "a", "b", SCARF)
    assert found is not None
    assert found.mean == pytest.approx(10)
    assert found.seeds == 1


def test_a_measure_that_only_runs_without_figures_have_chooses_no_protocol() -> None:
    failed = run_of("a", 0, "failed", measures={"ar/scarf/rank1": 0.8})
    assert settled(SCARF, [failed, done("b", 0, 0.2)]).measures == ["test/rank1/scarf"]
    assert settled(SCARF, []).measures == ["ar/scarf/rank1"]


def test_several_measures_are_no_run_s_to_choose_from() -> None:
    with pytest.raises(ValueError, match="too many values"):
        measured(done("a", 0, 0.1), SCARF)


def test_a_cell_takes_its_rows_runs_that_have_the_measure() -> None:
    runs = [done("a", 0, 0.1), done("a", 1, 0.3), run_of("a", 2), done("b", 0, 0.9)]
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


def test_what_is_subtracted_is_the_run_s_own_in_a_cell_and_the_other_row_s_in_a_difference() -> None:
    brings = Column("brings", ["covered+matched/all/rank1"], minus="covered/all/rank1")
    figures = {("a", 0): (0.7, 0.5), ("a", 1): (0.8, 0.5), ("b", 0): (0.9, 0.1), ("b", 1): (0.9, 0.2)}
    runs = [
        run_of(row, seed, "done", measures={"covered+matched/all/rank1": matched, "covered/all/rank1": plain})
        for (row, seed), (matched, plain) in figures.items()
    ]
    found, difference = cell(runs, "a", brings), paired(runs, "a", "b", brings)
    assert found is not None
    assert difference is not None
    assert found.mean == pytest.approx(25)
    assert difference.mean == pytest.approx(100 * ((0.7 - 0.1) + (0.8 - 0.2)) / 2)
    assert cell([run_of("a", 0, "done", measures={"covered+matched/all/rank1": 1.0})], "a", brings) is None


def test_training_time_is_the_median_of_finished_runs() -> None:
    runs = [done("a", seed, 0.1, seconds=time) for seed, time in enumerate((10.0, 900.0, 20.0))]
    failed = run_of("a", 3, "failed", seconds=10_000)
    assert seconds([*runs, failed], "a") == 20
    assert seconds([failed], "a") is None


@pytest.mark.parametrize("values", [[1.0, 3.0], [1.0, 2.0, 6.0], [0.5, -0.5, 2.0, 1.0, 4.0], [-1.0, -1.5, -0.9]])
def test_a_p_value_is_scipys_test_of_one_sample(values: list[float]) -> None:
    found = estimate(values)
    assert found is not None
    assert found.p == pytest.approx(ttest_1samp(values, 0).pvalue, rel=1e-9)
    assert (found.p < 0.05) == (abs(found.mean) > found.half)


def test_a_p_value_of_equal_differences_is_0_of_none_at_all_1_and_of_one_seed_there_is_none() -> None:
    found = [estimate(values) for values in ([2.0, 2.0], [0.0, 0.0], [2.0])]
    assert [one and one.p for one in found[:2]] == [0, 1]
    assert found[2] is not None
    assert math.isnan(found[2].p)
