"""Whether a classifier is right, in one rule for accuracies and occlusion maps."""

from torch import Tensor


def is_best(scores: Tensor, identities: Tensor) -> Tensor:
    """Return whether the right class has the highest score of all; a tie counts against it.

    Args:
        scores: ``(B, n)``.
        identities: ``(B,)``: right classes.

    Returns:
        ``(B,)`` bool.

    Example:
        >>> import torch
        >>> is_best(torch.tensor([[0.5, 0.2], [0.5, 0.5]]), torch.tensor([0, 0]))
        tensor([ True, False])
    """
    own = scores.gather(1, identities[:, None])  # (B, 1)
    return (scores >= own).sum(1) == 1
