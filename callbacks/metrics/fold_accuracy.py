"""Verification accuracy over folds: are two faces one identity's?"""

import torch
from torch import Tensor

from callbacks.metrics.metric_checks import check_finite


def fold_accuracies(scores: Tensor, same: Tensor, folds: Tensor) -> Tensor:
    """Return the accuracy on each fold at the threshold that is best on all other folds.

    All thresholds between two scores are searched; of equally good ones the middle of the first.

    Args:
        scores: Similarity of each pair, ``(N,)``, larger for more similar.
        same: Whether the pair shows one identity, ``(N,)`` bool.
        folds: Fold of each pair, ``(N,)`` integers.

    Returns:
        Accuracies in ``[0, 1]``, ``(F,)``, in ascending order of folds.

    Raises:
        ValueError: If shapes differ, scores are not finite or there are fewer than two folds.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.1, 0.8, 0.2]), torch.tensor([True, False, True, False])
        >>> fold_accuracies(scores, same, torch.tensor([0, 0, 1, 1]))
        tensor([1., 1.])
    """
    correct, names = fold_decisions(scores, same, folds), torch.unique(folds)
    return torch.stack([correct[folds == name].float().mean() for name in names])


def fold_decisions(scores: Tensor, same: Tensor, folds: Tensor) -> Tensor:
    """Return which pairs are decided rightly at the threshold that is best on all other folds, ``(N,)`` bool.

    Arguments and errors are those of :func:`fold_accuracies`.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.1, 0.8, 0.2]), torch.tensor([True, False, True, True])
        >>> fold_decisions(scores, same, torch.tensor([0, 0, 1, 1]))
        tensor([ True, False,  True, False])
    """
    names = torch.unique(folds)
    if not scores.shape == same.shape == folds.shape or scores.ndim != 1 or len(names) < 2:
        raise ValueError(
            f"Expected scores, same and folds of one shape (N,) and at least 2 folds, got "
            f"{tuple(scores.shape)}, {tuple(same.shape)}, {tuple(folds.shape)} and {len(names)} folds"
        )
    check_finite("scores", scores.isfinite())
    ordered, order = scores.sort()  # once for all folds
    kinds, parts = same[order], folds[order]
    correct = torch.empty_like(same, dtype=torch.bool)
    for name in names:
        held_out = parts == name
        accept = ordered[held_out] > _best_of_sorted(ordered[~held_out], kinds[~held_out])
        correct[order[held_out]] = accept == kinds[held_out]
    return correct


def best_threshold(scores: Tensor, same: Tensor) -> Tensor:
    """Return the threshold above which accepting pairs gives the highest accuracy, by one sort.

    Args:
        scores: Similarities, ``(N,)``.
        same: ``(N,)`` bool.

    Raises:
        ValueError: If there are no scores, shapes differ or scores are not finite.

    Example:
        >>> best_threshold(torch.tensor([0.1, 0.9, 0.3]), torch.tensor([False, True, False]))
        tensor(0.6000)
    """
    if scores.shape != same.shape or scores.ndim != 1 or not len(scores):
        raise ValueError(
            f"Expected scores and same of one shape (N,), N > 0, got {tuple(scores.shape)} and {tuple(same.shape)}"
        )
    check_finite("scores", scores.isfinite())
    ordered, order = scores.sort()
    return _best_of_sorted(ordered, same[order])


def _best_of_sorted(scores: Tensor, same: Tensor) -> Tensor:
    ordered = scores.double()
    sign = 1 - 2 * same.long()  # rejecting an impostor pair gains 1, a genuine one costs 1
    gain = torch.cat([sign.new_zeros(1), sign.cumsum(0)])  # (N + 1,) of rejecting the lowest k pairs
    possible = torch.ones_like(gain, dtype=torch.bool)
    possible[1:-1] = ordered[1:] > ordered[:-1]  # no threshold parts equal scores
    best = int(gain.masked_fill(~possible, -len(scores) - 1).argmax())
    padded = torch.cat([ordered[:1] - 1, ordered, ordered[-1:] + 1])
    middle = (padded[best] + padded[best + 1]).to(scores.dtype) / 2
    # between neighbours among the floating-point numbers lies none: the upper one would be rejected
    return torch.where(middle < padded[best + 1], middle, padded[best].to(scores.dtype))
