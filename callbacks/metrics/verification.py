"""Verification: are two faces the same person's?"""

import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_eer


def fold_accuracies(scores: Tensor, same: Tensor, folds: Tensor) -> Tensor:
    """Return the accuracy on each fold at the threshold that is best on all other folds.

    All thresholds between two scores are searched; of equally good ones the middle of the first.

    Args:
        scores: Similarity of each pair, ``(N,)``, larger for more similar.
        same: Whether the pair shows one person, ``(N,)`` bool.
        folds: Fold of each pair, ``(N,)`` integers.

    Returns:
        Accuracies in ``[0, 1]``, ``(F,)``, in ascending order of folds.

    Raises:
        ValueError: If shapes differ or there are fewer than two folds.

    Example:
        >>> scores, same = torch.tensor([0.9, 0.1, 0.8, 0.2]), torch.tensor([True, False, True, False])
        >>> fold_accuracies(scores, same, torch.tensor([0, 0, 1, 1]))
        tensor([1., 1.])
    """
    names = torch.unique(folds)
    if not scores.shape == same.shape == folds.shape or scores.ndim != 1 or len(names) < 2:
        raise ValueError(
            f"Expected scores, same and folds of one shape (N,) and at least 2 folds, got "
            f"{tuple(scores.shape)}, {tuple(same.shape)}, {tuple(folds.shape)} and {len(names)} folds"
        )
    accuracies = []
    for name in names:
        held_out = folds == name
        accept = scores[held_out] > best_threshold(scores[~held_out], same[~held_out])
        accuracies.append((accept == same[held_out]).float().mean())
    return torch.stack(accuracies)


def best_threshold(scores: Tensor, same: Tensor) -> Tensor:
    """Return the threshold above which accepting pairs gives the highest accuracy, by one sort.

    Args:
        scores: Similarities, ``(N,)``.
        same: ``(N,)`` bool.

    Example:
        >>> best_threshold(torch.tensor([0.1, 0.9, 0.3]), torch.tensor([False, True, False]))
        tensor(0.6000)
    """
    ordered, order = scores.double().sort()
    sign = 1 - 2 * same[order].long()  # rejecting an impostor pair gains 1, a genuine one costs 1
    gain = torch.cat([sign.new_zeros(1), sign.cumsum(0)])  # (N + 1,) of rejecting the lowest k pairs
    possible = torch.ones_like(gain, dtype=torch.bool)
    possible[1:-1] = ordered[1:] > ordered[:-1]  # no threshold parts equal scores
    best = int(gain.masked_fill(~possible, -len(scores) - 1).argmax())
    padded = torch.cat([ordered[:1] - 1, ordered, ordered[-1:] + 1])
    return (padded[best] + padded[best + 1]).to(scores.dtype) / 2


def equal_error_rate(scores: Tensor, same: Tensor) -> Tensor:
    """Return the rate at which false accepts and false rejects are equally frequent.

    Args:
        scores: Cosine similarities in ``[-1, 1]``, ``(N,)``.
        same: ``(N,)`` bool.

    Example:
        >>> equal_error_rate(torch.tensor([0.9, 0.1]), torch.tensor([True, False]))
        tensor(0.)
    """
    return binary_eer((scores + 1) / 2, same.long())
