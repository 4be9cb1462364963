"""Triplet loss: every negative farther from its anchor than the positive, by a margin."""

import torch
from torch import Tensor

from losses.distance_loss import DistanceLoss
from losses.distances import paired_distances, promoted
from losses.triplet_checks import check_distances, check_margin, check_triplets


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 0.5) -> Tensor:
    r"""Compute the triplet loss of :math:`N` triplets.

    .. math::
        L = \frac{1}{N} \sum_i \max(0,\; d_{ap,i} - d_{an,i} + \alpha)

    where :math:`d` are squared Euclidean distances. The paper writes the sum; the mean does not grow with the number
    of triplets that a batch happens to have.

    Source: Sáez Trigueros et al. (2018), Eq. 5, https://arxiv.org/abs/1707.07923.

    Args:
        anchor: Embeddings of shape ``(N, D)``.
        positive: Same identities as ``anchor``, row by row, shape ``(N, D)``.
        negative: Other identities than ``anchor``, row by row, shape ``(N, D)``.
        margin: :math:`\alpha > 0`, in units of squared distance.

    Returns:
        Scalar, at least float32. Without triplets it is 0, with a graph.

    Raises:
        ValueError: If the shapes differ or are not ``(N, D)``, or ``margin`` is not positive.

    Example:
        >>> a, p, n = torch.zeros(2, 1), torch.ones(2, 1), torch.tensor([[1.0], [2.0]])
        >>> triplet_loss(a, p, n, margin=0.5)  # (1 - 1 + 0.5 and 1 - 4 + 0.5 < 0) / 2
        tensor(0.2500)
    """
    check_triplets(anchor, positive, negative)
    check_margin(margin)
    return _of_distances(paired_distances(anchor, positive), paired_distances(anchor, negative), margin)


class TripletLoss(DistanceLoss):
    r"""Module form of :func:`triplet_loss`, for configs: ``class_path: losses.TripletLoss``.

    Args:
        margin: :math:`\alpha > 0`, in units of squared distance.

    Raises:
        ValueError: If ``margin`` is not positive.

    Example:
        >>> TripletLoss(margin=0.5).from_distances(torch.tensor([1.0]), torch.tensor([1.0]))
        tensor(0.5000)
    """

    def from_distances(self, d_ap: Tensor, d_an: Tensor) -> Tensor:
        """Return the scalar loss of squared distances, ``(N,)`` each."""
        check_distances(d_ap, d_an)
        return _of_distances(promoted(d_ap), promoted(d_an), self.margin)

    def extra_repr(self) -> str:
        """Show the hyper-parameters in ``print(model)``."""
        return f"margin={self.margin}"


def _of_distances(d_ap: Tensor, d_an: Tensor, margin: float) -> Tensor:
    # no mean of nothing: a batch without triplets has the loss 0
    return torch.relu(d_ap - d_an + margin).sum() / max(len(d_ap), 1)
