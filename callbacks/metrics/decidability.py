"""Decidability of scored pairs, and of all comparisons between probes and a gallery."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from callbacks.metrics.pair_metric import PairMetric
from losses import decidability


def gallery_decidability(
    gallery: Tensor, gallery_identities: Tensor, probes: Tensor, probe_identities: Tensor, *, block: int = 4096
) -> Tensor:
    """Return the decidability of cosine similarities, every probe compared with every gallery face.

    See :func:`losses.decidability`; of L2-normalised embeddings' squared distances it is the same.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``.
        gallery_identities: Their identities, ``(G,)``.
        probes: Embeddings, ``(P, D)``.
        probe_identities: Their identities, ``(P,)``.
        block: Probes compared at once, which bounds memory by ``block · G`` similarities.

    Returns:
        Scalar, float32.

    Example:
        >>> gallery = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> probes = torch.tensor([[3.0, 4.0], [0.0, 2.0]])  # genuine 0.6, 1; impostor 0.8, 0
        >>> gallery_decidability(gallery, torch.tensor([5, 6]), probes, torch.tensor([5, 6]))
        tensor(1.2649)
    """
    directions = normalize(gallery.float()).T  # (D, G)
    moments = torch.zeros(2, 3, dtype=torch.double)  # of impostor and genuine scores: count, sum, sum of squares
    for part, identities in zip(torch.split(probes, block), torch.split(probe_identities, block), strict=True):
        scores = (normalize(part.float()) @ directions).double()  # (b, G)
        same = identities[:, None] == gallery_identities
        for row, kind in enumerate((scores[~same], scores[same])):
            moments[row] += torch.tensor([len(kind), kind.sum(), kind.square().sum()])
    count, total, squares = moments.unbind(1)
    mean = total / count
    variance = squares / count - mean**2
    return ((mean[1] - mean[0]).abs() / variance.mean().sqrt()).float()


class Decidability(PairMetric):
    """:func:`losses.decidability` of the scores of all pairs.

    Example:
        >>> metric = Decidability()
        >>> metric.update(torch.tensor([1.0, 3.0, 5.0, 9.0]), torch.tensor([False, False, True, True]))
        >>> metric.compute()
        tensor(3.1623)
    """

    higher_is_better = True

    def compute(self) -> Tensor:
        """Return the decidability."""
        scores, same = self.pairs()
        return decidability(scores[same], scores[~same])
