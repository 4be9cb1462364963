"""Accuracy over folds: golden values, exhaustive search, a plain loop, the thresholds of others, refusals."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from callbacks.metrics import best_threshold, fold_accuracies
from tests.callbacks.metrics.samples import random_pairs


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


@pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16, torch.float])
def test_a_threshold_between_neighbouring_numbers_still_parts_them(dtype: torch.dtype) -> None:
    for start in (0.5, 0.50390625):  # the middle is rounded to the even one of both
        lower = torch.tensor(start, dtype=dtype)
        upper = torch.nextafter(lower, torch.tensor(1.0, dtype=dtype))
        scores, same = torch.stack([lower, upper]), torch.tensor([False, True])
        assert accuracy_at(best_threshold(scores, same), scores, same) == 1


def lfw_like(seed: int, similarity: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return 6,000 cosine similarities with that of genuine pairs on average."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.arange(6000) % 600 < 300
    genuine, impostor = torch.randn(2, 6000, generator=generator, dtype=torch.double)
    scores = torch.where(same, similarity + 0.14 * genuine, 0.02 + 0.08 * impostor).clamp(-1, 1)
    return scores, same, torch.arange(6000) // 600


def scanned_accuracy(scores: Tensor, same: Tensor, folds: Tensor, thresholds: np.ndarray) -> float:
    """Return the mean accuracy as the field's scripts find it: squared distances and thresholds in steps."""
    distances, actual, fold = (2 - 2 * scores).numpy(), same.numpy(), folds.numpy()
    right = (distances[None] < thresholds[:, None]) == actual[None]  # (T, N)
    accuracies = []
    for held_out in np.unique(fold):
        best = right[:, fold != held_out].mean(1).argmax()
        accuracies.append(right[best, fold == held_out].mean())
    return float(np.mean(accuracies))


SCANS = [np.arange(0, 4, 0.01), np.linspace(0, 4, 400)]


@pytest.mark.parametrize("thresholds", SCANS, ids=["step-0.01", "400-steps"])
@pytest.mark.parametrize("seed", range(5))
def test_scanning_thresholds_in_steps_agrees_to_a_thousandth(seed: int, thresholds: np.ndarray) -> None:
    scores, same, folds = lfw_like(seed, similarity=0.7)
    found = fold_accuracies(scores, same, folds).mean()
    assert 0.998 < found < 0.9999
    assert float(found) == pytest.approx(scanned_accuracy(scores, same, folds, thresholds), abs=1e-3)


@pytest.mark.parametrize("thresholds", SCANS, ids=["step-0.01", "400-steps"])
def test_searching_all_thresholds_favours_nobody(thresholds: np.ndarray) -> None:
    differences = []  # where networks are worse, other thresholds are nearly as good: single data sets differ by more
    for seed in range(12):
        pairs = lfw_like(seed, similarity=0.4)
        found = float(fold_accuracies(*pairs).mean())
        assert 0.94 < found < 0.98
        differences.append(found - scanned_accuracy(*pairs, thresholds))
    assert abs(np.mean(differences)) < 1e-3


@pytest.mark.parametrize("ties", [False, True])
def test_folds_know_neither_order_nor_scale(ties: bool) -> None:
    scores, same = random_pairs(300, ties=ties)
    folds = torch.arange(300) % 7
    expected = fold_accuracies(scores, same, folds)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    assert_close(fold_accuracies(scores[order], same[order], folds[order]), expected)
    assert_close(fold_accuracies(8 * scores + 2, same, folds), expected)


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
