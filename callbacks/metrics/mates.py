"""Where the right identity stands among those of a gallery."""

from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics.gallery_search import Candidates, search
from callbacks.metrics.metric_checks import check_search

CELLS = 2**22
"""Candidates held at once: probes × candidates."""


class Mates(NamedTuple):
    """Where the right identity stands for each of :math:`P` probes."""

    rank: Tensor
    """``(P,)`` int64 from 1; the largest one for all beyond."""
    similarity: Tensor
    """``(P,)`` float32: of the most alike face of the identity; minus infinity beyond."""


def mates(
    gallery: Tensor, gallery_identities: Tensor, probes: Tensor, probe_identities: Tensor, *, max_rank: int
) -> Mates:
    """Return the rank of each probe's own identity among the identities of the gallery, by cosine similarity.

    An identity with several gallery faces counts by the most alike one. The rank is one more than the number of other
    identities that are at least as alike: a tie counts against the probe, or embeddings that are all the same would
    identify everybody. Found by :func:`~callbacks.metrics.search`, again with more candidates for those probes whose
    candidates are many faces of few identities.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``.
        gallery_identities: Their identities, ``(G,)`` integers.
        probes: Embeddings to identify, ``(P, D)``.
        probe_identities: Their identities, ``(P,)``.
        max_rank: Highest rank told from those beyond, which are all given ``max_rank + 1``.

    Raises:
        ValueError: If gallery or probes are empty, shapes do not match, embeddings are not finite or ``max_rank`` is
            below 1.

    Example:
        >>> gallery, probes = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), torch.tensor([[1.0, 0.1]])
        >>> mates(gallery, torch.tensor([5, 6, 6]), probes, torch.tensor([6]), max_rank=3)
        Mates(rank=tensor([2]), similarity=tensor([0.6766]))
    """
    check_search(gallery, gallery_identities, probes, probe_identities)
    check_rank("max_rank", max_rank)
    names, of_face, faces = torch.unique(gallery_identities, return_inverse=True, return_counts=True)
    own = torch.searchsorted(names, probe_identities).clamp(max=len(names) - 1)
    own = own.masked_fill(names[own] != probe_identities, -1)
    rank = torch.full_like(own, max_rank + 1)
    similarity = torch.full_like(own, -torch.inf, dtype=torch.float)
    limit = min(max_rank * int(faces.max()) + 1, len(gallery))  # of more than `max_rank` identities, or all
    k = min(4 * (max_rank + 1), limit)
    pending = torch.arange(len(probes), device=probes.device)
    while len(pending):
        unsettled = []
        for part in torch.split(pending, max(1, CELLS // k)):
            found = search(gallery, probes[part], k)
            ahead, best = ahead_of_own(found, of_face, own[part])
            settled = (ahead >= max_rank) | (best > found.similarity[:, -1]) | (k == limit)
            within = settled & (ahead < max_rank) & ~best.isinf()
            rank[part[within]], similarity[part[within]] = 1 + ahead[within], best[within]
            unsettled.append(part[~settled])
        pending, k = torch.cat(unsettled), min(4 * k, limit)
    return Mates(rank, similarity)


def check_rank(name: str, rank: int) -> None:
    """Refuse ranks below 1."""
    if rank < 1:
        raise ValueError(f"Expected `{name}` of at least 1, got {rank}")


def ahead_of_own(found: Candidates, identities: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many others are at least as alike as the own identity, and how alike that one is, ``(P,)`` each."""
    candidates = identities[found.place]  # (P, k)
    mate = candidates == own[:, None]
    best = found.similarity.masked_fill(~mate, -torch.inf).amax(1)
    ahead = (found.similarity >= best[:, None]) & ~mate
    ordered = candidates.masked_fill(~ahead, -1).sort(dim=1).values
    return (ordered.diff(dim=1) != 0).sum(1) + (ordered[:, 0] >= 0), best
