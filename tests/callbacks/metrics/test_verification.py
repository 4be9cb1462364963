"""Verification: golden values, agreement with exhaustive search and scikit-learn, refusals."""

import pytest
import torch
from sklearn.metrics import roc_curve
from torch import Tensor
from torch.testing import assert_close

from callbacks.metrics import best_threshold, equal_error_rate, fold_accuracies


def random_pairs(number: int = 200, seed: int = 0, *, ties: bool = False) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    same = torch.rand(number, generator=generator) < 0.4
    scores = torch.tanh(torch.randn(number, generator=generator) + same.float())
    return (scores.mul(5).round().div(5) if ties else scores), same


def accuracy_at(threshold: Tensor, scores: Tensor, same: Tensor) -> float:
    return float(((scores > threshold) == same).float().mean())


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_beats_the_best(seed: int, ties: bool) -> None:
    scores, same = random_pairs(seed=seed, ties=ties)
    candidates = torch.cat([scores - 1e-4, scores + 1e-4, torch.tensor([-2.0, 2.0])])
    exhaustive = max(accuracy_at(threshold, scores, same) for threshold in candidates)
    assert accuracy_at(best_threshold(scores, same), scores, same) == pytest.approx(exhaustive)


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_one_kind_are_all_right(same: bool) -> None:
    scores = torch.linspace(-1, 1, 7)
    kind = torch.full((7,), same)
    assert accuracy_at(best_threshold(scores, kind), scores, kind) == 1.0


def test_a_fold_never_chooses_its_own_threshold() -> None:
    scores = torch.tensor([0.9, 0.7, 0.4, 0.2])
    same = torch.tensor([True, False, True, False])  # each fold alone is separable, at other thresholds
    assert_close(fold_accuracies(scores, same, torch.tensor([0, 0, 1, 1])), torch.tensor([0.5, 0.5]))


def test_folds_equal_a_plain_loop() -> None:
    scores, same = random_pairs(300)
    folds = torch.arange(300) % 10
    expected = []
    for fold in range(10):
        held_out = folds == fold
        threshold = best_threshold(scores[~held_out], same[~held_out])
        expected.append(accuracy_at(threshold, scores[held_out], same[held_out]))
    assert_close(fold_accuracies(scores, same, folds), torch.tensor(expected))


@pytest.mark.parametrize("seed", range(3))
def test_equal_error_rate_lies_where_sklearns_curves_cross(seed: int) -> None:
    scores, same = random_pairs(500, seed)
    false_accept, true_accept, _ = roc_curve(same, scores, drop_intermediate=False)
    crossing = abs(false_accept - (1 - true_accept)).argmin()
    expected = (false_accept[crossing] + 1 - true_accept[crossing]) / 2
    assert float(equal_error_rate(scores, same)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "folds"),
    [
        pytest.param(torch.zeros(4), torch.zeros(4, dtype=torch.long), id="one-fold"),
        pytest.param(torch.zeros(3), torch.arange(4), id="length-differs"),
        pytest.param(torch.zeros(4, 1), torch.arange(4), id="not-1d"),
    ],
)
def test_refuses_shapes(scores: Tensor, folds: Tensor) -> None:
    with pytest.raises(ValueError, match="at least 2 folds"):
        fold_accuracies(scores, torch.ones(4, dtype=torch.bool), folds)
