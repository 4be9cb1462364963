"""What the triplet losses have in common: they need nothing of the embeddings but distances."""

from torch import Tensor, nn

from losses.distances import paired_distances
from losses.triplet_checks import check_margin, check_triplets


class DistanceLoss(nn.Module):
    """Base of losses of the squared distances d_ap and d_an of triplets.

    Args:
        margin: α, positive, in units of squared distance; mining uses it too.

    Raises:
        ValueError: If ``margin`` is not positive.
    """

    def __init__(self, margin: float = 0.5) -> None:
        super().__init__()
        check_margin(margin)
        self.margin = margin

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the scalar loss of embeddings, ``(N, D)`` each.

        Raises:
            ValueError: If the shapes differ or are not ``(N, D)``.
        """
        check_triplets(anchor, positive, negative)
        return self.from_distances(paired_distances(anchor, positive), paired_distances(anchor, negative))

    def from_distances(self, d_ap: Tensor, d_an: Tensor) -> Tensor:
        """Return the scalar loss of squared distances, ``(N,)`` each.

        Raises:
            ValueError: If the shapes are not alike.
        """
        raise NotImplementedError
