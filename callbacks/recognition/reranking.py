"""Identification whose first candidates are compared once more, by what costs more than a product of embeddings."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from callbacks.metrics import SearchScores, mates, search
from callbacks.metrics.gallery_search import Candidates
from callbacks.metrics.mates import Mates, ahead_of_own
from callbacks.recognition.pair_scorer import RERANKED, Indices, PairScorer


class Reranking(NamedTuple):
    """How candidates are compared once more."""

    scorer: PairScorer
    budget: int = RERANKED
    """Most candidates of a probe, and most pairs of images that they may take to embed: where both faces are covered
    there are two, and fewer candidates are compared."""


class Searched(NamedTuple):
    """Gallery and probes: embeddings, identities, and their indices in the protocol."""

    gallery: Tensor
    """``(G, D)``."""
    gallery_identities: Tensor
    """``(G,)``."""
    probes: Tensor
    """``(P, D)``."""
    probe_identities: Tensor
    """``(P,)``."""
    gallery_indices: Indices
    """``(G,)``."""
    probe_indices: Indices
    """``(P,)``."""

    @property
    def embedded(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is compared by embeddings alone."""
        return self[:4]


class Rescored(NamedTuple):
    """The first candidates of every probe with their new scores, and what these took."""

    candidates: Candidates
    """``(P, K)``, in their old order; minus infinity for those that the budget leaves out."""
    embeddings_a_probe: float
    """On average, the probe's own among them."""


def rescored(faces: Searched, reranking: Reranking) -> Rescored:
    """Return the first candidates of every probe with their new scores."""
    found = search(faces.gallery, faces.probes, min(reranking.budget, len(faces.gallery)))
    gallery = faces.gallery_indices[found.place.numpy()]  # (P, K)
    probes = np.broadcast_to(faces.probe_indices[:, None], gallery.shape)
    images = reranking.scorer.images(gallery.ravel(), probes.ravel()).view(gallery.shape)
    allowed = images.cumsum(1) <= reranking.budget
    chosen = allowed.numpy()
    scores = torch.full(gallery.shape, -torch.inf)
    scores[allowed] = reranking.scorer(gallery[chosen], probes[chosen])
    cost = reranking.scorer.views * (1 + int(images[allowed].sum()) / len(gallery))
    return Rescored(Candidates(scores, found.place), cost)


def reranked_mates(faces: Searched, candidates: Candidates, *, max_rank: int) -> Mates:
    """Return where each probe's own identity stands after its candidates have new scores.

    They stay before all others. Identities that are not among them keep their rank. A tie counts against the probe.

    Args:
        faces: Gallery and probes.
        candidates: Of :func:`rescored`.
        max_rank: Highest rank told from those beyond.
    """
    before = mates(*faces.embedded, max_rank=max_rank)
    ahead, best = ahead_of_own(candidates, faces.gallery_identities, faces.probe_identities)
    among = best > -torch.inf
    rank = torch.where(among, (1 + ahead).clamp(max=max_rank + 1), before.rank)
    return Mates(rank, torch.where(among, best, before.similarity))


def reranked_scores(faces: Searched, reranking: Reranking) -> SearchScores:
    """Return what open-set identification is decided by, as :func:`~callbacks.metrics.search_scores` does."""
    known = torch.isin(faces.probe_identities, faces.gallery_identities)
    mated, unmated = (_probes(faces, chosen) for chosen in (known, ~known))
    found = reranked_mates(mated, rescored(mated, reranking).candidates, max_rank=1)
    scores = found.similarity.masked_fill(found.rank > 1, -torch.inf)
    return SearchScores(scores, rescored(unmated, reranking).candidates.similarity.amax(1))


def _probes(faces: Searched, chosen: Tensor) -> Searched:
    return faces._replace(
        probes=faces.probes[chosen],
        probe_identities=faces.probe_identities[chosen],
        probe_indices=faces.probe_indices[chosen.numpy()],
    )
