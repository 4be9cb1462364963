"""The receiver operating characteristic of verification, exact."""

import torch
from torch import Tensor

from callbacks.metrics.metric_checks import check_pairs


def roc_curve(scores: Tensor, same: Tensor, *, drop_intermediate: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Return false and true accept rates at all thresholds; a pair is accepted if its score reaches the threshold.

    Args:
        scores: Similarities, ``(N,)``, larger for more alike.
        same: Whether the pair shows one identity, ``(N,)`` bool.
        drop_intermediate: Leave out points on a straight line between their neighbours: the same curve, to be drawn.

    Returns:
        False accept rates and true accept rates, float64, and thresholds, ``(T,)`` each, from the threshold
        infinity, which accepts nothing, to the lowest score.

    Raises:
        ValueError: If shapes differ, scores are not finite, or there are no genuine or no impostor pairs.

    Example:
        >>> far, tar, thresholds = roc_curve(torch.tensor([0.9, 0.1, 0.5]), torch.tensor([True, False, True]))
        >>> far, tar
        (tensor([0., 0., 0., 1.], dtype=torch.float64), tensor([0.0000, 0.5000, 1.0000, 1.0000], dtype=torch.float64))
    """
    false_accepts, true_accepts, thresholds = accept_counts(scores, same)
    if drop_intermediate:
        turns = [counts.diff(n=2) != 0 for counts in (false_accepts, true_accepts)]
        ends = torch.ones_like(false_accepts, dtype=torch.bool)
        ends[1:-1] = turns[0] | turns[1]
        ends[1] = True  # the highest score stays, as in scikit-learn
        false_accepts, true_accepts, thresholds = false_accepts[ends], true_accepts[ends], thresholds[ends]
    return false_accepts.double() / false_accepts[-1], true_accepts.double() / true_accepts[-1], thresholds


def accept_counts(scores: Tensor, same: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the numbers of accepted impostor and genuine pairs, and the thresholds, of :func:`roc_curve`.

    Raises:
        ValueError: If shapes differ, scores are not finite, or there are no genuine or no impostor pairs.

    Example:
        >>> accept_counts(torch.tensor([0.9, 0.1, 0.1]), torch.tensor([True, False, True]))
        (tensor([0, 0, 1]), tensor([0, 1, 2]), tensor([   inf, 0.9000, 0.1000]))
    """
    check_pairs(scores, same)
    ordered, order = (scores if scores.is_floating_point() else scores.double()).sort(descending=True)
    genuine = same[order].bool()
    last = torch.ones_like(genuine)  # of equal scores
    last[:-1] = ordered[1:] != ordered[:-1]
    nothing = order.new_zeros(1)
    false_accepts, true_accepts = (torch.cat([nothing, kind.cumsum(0)[last]]) for kind in (~genuine, genuine))
    return false_accepts, true_accepts, torch.cat([ordered.new_tensor([torch.inf]), ordered[last]])
