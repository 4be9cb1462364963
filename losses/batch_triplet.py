"""Batch triplet loss: moves the two distance distributions of a batch apart and narrows both."""

from torch import Tensor

from losses.distance_loss import DistanceLoss
from losses.distances import paired_distances, promoted
from losses.triplet_checks import check_distances, check_margin, check_triplets


def batch_triplet_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 0.5, beta: float = 0.7
) -> Tensor:
    r"""Compute the batch triplet loss of :math:`N` triplets.

    .. math::
        L = (1 - \beta)\,(\mu_{ap} - \mu_{an} + \alpha) + \beta\,(\sigma^2_{ap} + \sigma^2_{an})

    where :math:`\mu` and :math:`\sigma^2` are mean and population variance over the batch of the squared Euclidean
    distances :math:`d_{ap}` and :math:`d_{an}`.

    There is no hinge: :math:`\alpha` shifts the value and never the gradient, so sweeping it tells nothing (it still
    bounds what :func:`~losses.mining.mine_triplets` calls semi-hard). The loss is bounded below only for bounded
    embeddings; pass L2-normalised ones, whose distances lie in ``[0, 4]``. At :math:`\beta = 1` nothing keeps the
    embeddings apart: all of them at one point have the lowest loss.

    Source: Sáez Trigueros et al. (2018), Eq. 9, https://arxiv.org/abs/1707.07923.

    Args:
        anchor: Embeddings of shape ``(N, D)``.
        positive: Same identities as ``anchor``, row by row, shape ``(N, D)``.
        negative: Other identities than ``anchor``, row by row, shape ``(N, D)``.
        margin: :math:`\alpha > 0`, in units of squared distance.
        beta: :math:`\beta` in ``[0, 1]``: 0 is means only, 1 is variances only.

    Returns:
        Scalar, at least float32. Without triplets it is 0, with a graph.

    Raises:
        ValueError: If the shapes differ or are not ``(N, D)``, or ``margin`` or ``beta`` is out of range.

    Example:
        >>> import torch
        >>> a = torch.zeros(2, 2)
        >>> p = torch.tensor([[1.0, 0.0], [1.0, 1.0]])  # d_ap = 1, 2
        >>> n = torch.tensor([[2.0, 0.0], [2.0, 2.0]])  # d_an = 4, 8
        >>> batch_triplet_loss(a, p, n, margin=0.5, beta=0.0)
        tensor(-4.)
    """
    check_triplets(anchor, positive, negative)
    check_margin(margin)
    _check_beta(beta)
    return _of_distances(paired_distances(anchor, positive), paired_distances(anchor, negative), margin, beta)


class BatchTripletLoss(DistanceLoss):
    r"""Module form of :func:`batch_triplet_loss`, for configs: ``class_path: losses.BatchTripletLoss``.

    Args:
        margin: :math:`\alpha > 0`, in units of squared distance.
        beta: :math:`\beta` in ``[0, 1]``: 0 is means only, 1 is variances only.

    Raises:
        ValueError: If ``margin`` is not positive or ``beta`` lies outside ``[0, 1]``, so that a bad sweep point dies
            before training.

    Example:
        >>> import torch
        >>> d_ap, d_an = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0])
        >>> BatchTripletLoss(beta=1.0).from_distances(d_ap, d_an)  # variances 1/4 and 4
        tensor(4.2500)
    """

    def __init__(self, margin: float = 0.5, beta: float = 0.7) -> None:
        super().__init__(margin)
        _check_beta(beta)
        self.beta = beta

    def from_distances(self, d_ap: Tensor, d_an: Tensor) -> Tensor:
        """Return the scalar loss of squared distances, ``(N,)`` each."""
        check_distances(d_ap, d_an)
        return _of_distances(promoted(d_ap), promoted(d_an), self.margin, self.beta)

    def extra_repr(self) -> str:
        """Show the hyper-parameters in ``print(model)``."""
        return f"margin={self.margin}, beta={self.beta}"


def _of_distances(d_ap: Tensor, d_an: Tensor, margin: float, beta: float) -> Tensor:
    if not len(d_ap):
        return d_ap.sum() + d_an.sum()  # 0, and backward still runs
    gap = d_ap.mean() - d_an.mean() + margin
    spread = d_ap.var(correction=0) + d_an.var(correction=0)  # correction=0: defined for one triplet
    return (1.0 - beta) * gap + beta * spread


def _check_beta(beta: float) -> None:
    if not 0.0 <= beta <= 1.0:
        raise ValueError(f"Expected `beta` in [0, 1], got {beta}")
