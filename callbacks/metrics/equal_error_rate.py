"""The equal error rate of verification."""

import torch
from torch import Tensor

from callbacks.metrics.roc import accept_counts


def equal_error_rate(scores: Tensor, same: Tensor) -> Tensor:
    """Return the rate at which false accepts and false rejects are equally frequent.

    Where no threshold makes them equal, it is the mean of both at the highest one that brings them nearest.

    Args:
        scores: Similarities, ``(N,)``, larger for more alike.
        same: ``(N,)`` bool.

    Returns:
        Scalar in ``[0, 1]``, of the scores' type, at least float32.

    Raises:
        ValueError: If shapes differ, scores are not finite, or there are no genuine or no impostor pairs.

    Example:
        >>> equal_error_rate(torch.tensor([0.9, 0.1]), torch.tensor([True, False]))
        tensor(0.)
    """
    false_accepts, true_accepts, _ = accept_counts(scores, same)
    impostors, genuine = false_accepts[-1], true_accepts[-1]
    scaled = torch.stack([false_accepts * genuine, (genuine - true_accepts) * impostors])  # (2, T) of one denominator
    nearest = scaled[:, scaled.diff(dim=0).abs().argmin()]
    rate = nearest.sum().double() / (2 * impostors * genuine)
    return rate.to(torch.promote_types(scores.dtype, torch.float32))
