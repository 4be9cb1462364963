"""Decidability of all comparisons between probes and a gallery."""

import torch
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.metrics.metric_checks import check_search

CELLS = 2**22
"""Similarities held at once: probes × gallery."""


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
        block: Most probes compared at once; fewer where the gallery is large.

    Returns:
        Scalar, float32; 0 where all scores are equal, infinite where those of each kind are.

    Raises:
        ValueError: If gallery or probes are empty, shapes do not match, embeddings are not finite, or no comparison is
            genuine or none an impostor's.

    Example:
        >>> gallery = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> probes = torch.tensor([[3.0, 4.0], [0.0, 2.0]])  # genuine 0.6, 1; impostor 0.8, 0
        >>> gallery_decidability(gallery, torch.tensor([5, 6]), probes, torch.tensor([5, 6]))
        tensor(1.2649)
    """
    check_search(gallery, gallery_identities, probes, probe_identities)
    enrolled = directions(gallery).T  # (D, G)
    block = max(1, min(block, CELLS // len(gallery)))
    impostor, genuine = Moments(), Moments()
    for part, identities in zip(torch.split(probes, block), torch.split(probe_identities, block), strict=True):
        scores = (directions(part) @ enrolled).double()  # (b, G)
        same = identities[:, None] == gallery_identities
        impostor.add(scores[~same])
        genuine.add(scores[same])
    if not (genuine.count and impostor.count):
        raise ValueError(f"Expected genuine and impostor comparisons, got {genuine.count} and {impostor.count}")
    difference, variance = abs(genuine.mean - impostor.mean), (genuine.variance + impostor.variance) / 2
    if variance == 0:
        return torch.tensor(torch.inf if difference else 0.0, device=gallery.device)
    return torch.tensor(difference / variance**0.5, dtype=torch.float, device=gallery.device)


class Moments:
    """Mean and variance of scores that come in parts.

    They are taken about the first score, so that scores that are all the same have no variance at all.
    """

    def __init__(self) -> None:
        self.count = 0
        self._first = self._total = self._squares = 0.0

    def add(self, scores: Tensor) -> None:
        """Add ``(N,)`` float64."""
        if not len(scores):
            return
        if not self.count:
            self._first = float(scores[0])
        shifted = scores - self._first
        self.count += len(scores)
        self._total += float(shifted.sum())
        self._squares += float(shifted.square().sum())

    @property
    def mean(self) -> float:
        """Mean of the scores."""
        return self._first + self._total / self.count

    @property
    def variance(self) -> float:
        """Mean squared distance to the mean."""
        return max(0.0, self._squares / self.count - (self._total / self.count) ** 2)
