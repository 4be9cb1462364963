"""Holm's correction, against the closed test of all intersections by Bonferroni, of which it is a short cut."""

from itertools import combinations

import numpy as np
import pytest

from experiments.reproduction.multiple_comparisons import holm


def closed_bonferroni(p_values: list[float]) -> list[float]:
    """Return, for each hypothesis, the largest p-value of all sets of hypotheses that it belongs to."""
    places = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(places, size)]
    of_set = {chosen: min(1.0, len(chosen) * min(p_values[place] for place in chosen)) for chosen in sets}
    return [max(p for chosen, p in of_set.items() if place in chosen) for place in places]


@pytest.mark.parametrize("seed", range(10))
def test_is_the_closed_test_of_all_intersections(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p_values = (rng.random(7) ** rng.integers(1, 5)).tolist()
    assert holm(p_values) == pytest.approx(closed_bonferroni(p_values))


def test_the_example_of_three() -> None:
    assert holm([0.01, 0.02, 0.03]) == pytest.approx([0.03, 0.04, 0.04])


def test_equal_ones_stay_equal_and_none_exceeds_one() -> None:
    assert holm([0.5, 0.001, 0.5]) == pytest.approx([1.0, 0.003, 1.0])


def test_one_comparison_needs_no_correction_and_none_has_none() -> None:
    assert (holm([0.2]), holm([])) == ([0.2], [])


def test_order_does_not_matter() -> None:
    p_values = [0.04, 0.001, 0.3, 0.02]
    assert holm(p_values[::-1]) == holm(p_values)[::-1]


def test_any_true_hypothesis_is_rejected_in_at_most_five_per_cent() -> None:
    rng = np.random.default_rng(0)
    rejected = [min(holm(rng.random(6).tolist())) < 0.05 for _ in range(4000)]
    assert np.mean(rejected) == pytest.approx(1 - (1 - 0.05 / 6) ** 6, abs=0.012)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match=rf"p-values in \[0, 1\], got {p}"):
        holm([0.5, p])
