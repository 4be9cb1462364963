"""The area under the receiver operating characteristic, exact."""

from torch import Tensor

from callbacks.metrics.roc import accept_counts


def auc(scores: Tensor, same: Tensor) -> Tensor:
    r"""Return the probability that a genuine pair scores higher than an impostor pair, of equal scores a half.

    .. math::
        P(s_{genuine} > s_{impostor}) + \tfrac12 P(s_{genuine} = s_{impostor})

    It is the area under the curve, of Mann and Whitney; counted in integers.

    Args:
        scores: Similarities, ``(N,)``.
        same: ``(N,)`` bool.

    Returns:
        Scalar in ``[0, 1]``, float64.

    Raises:
        ValueError: If shapes differ, scores are not finite, or there are no genuine or no impostor pairs.

    Example:
        >>> import torch
        >>> auc(torch.tensor([0.9, 0.1, 0.1]), torch.tensor([True, False, True]))
        tensor(0.7500, dtype=torch.float64)
    """
    false_accepts, true_accepts, _ = accept_counts(scores, same)
    twice = (false_accepts.diff() * (true_accepts[1:] + true_accepts[:-1])).sum()
    return twice.double() / (2 * false_accepts[-1] * true_accepts[-1])
