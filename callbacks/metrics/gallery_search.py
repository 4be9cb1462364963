"""The most alike faces of a gallery too large to be compared at once."""

from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics.directions import rescaled
from callbacks.metrics.metric_checks import check_finite

EPSILON = 1e-12
CHUNK = 64
"""Neighbouring gallery faces of which only the maximum is read at first."""


class Candidates(NamedTuple):
    """The gallery faces most alike to each of :math:`P` probes, the most alike first."""

    similarity: Tensor
    """``(P, k)`` float32."""
    place: Tensor
    """``(P, k)`` int64, into the gallery."""


@torch.no_grad()
def search(gallery: Tensor, probes: Tensor, k: int, *, block: tuple[int, int] = (2048, 16384)) -> Candidates:
    """Return the ``k`` gallery faces of highest cosine similarity for each probe.

    A block of probes is compared with a block of the gallery in one matrix product. Of its result only the maxima are
    read of rows where no similarity exceeds the probe's ``k``-th best so far, which soon is nearly all of them; the
    best of the other rows are merged. Besides its arguments it needs one block of similarities, one of the gallery, a
    copy of the probes and the result. Which of equally similar faces are found is not defined. A face whose embedding
    is zero has no direction; its similarity is 0.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``, of any length and floating-point type.
        probes: Embeddings to search for, ``(P, D)``.
        k: Faces to find, at most ``G``.
        block: Probes and gallery faces that are compared at once.

    Raises:
        ValueError: If shapes do not match, there are not ``k`` faces, or embeddings are not finite.

    Example:
        >>> gallery = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
        >>> search(gallery, torch.tensor([[4.0, 3.0]]), 2)
        Candidates(similarity=tensor([[0.9600, 0.8000]]), place=tensor([[2, 0]]))
    """
    if gallery.ndim != 2 or probes.ndim != 2 or not gallery.shape[1] == probes.shape[1] > 0:
        raise ValueError(
            f"Expected gallery (G, D) and probes (P, D), got {tuple(gallery.shape)} and {tuple(probes.shape)}"
        )
    if not 1 <= k <= len(gallery) or min(block) < 1:
        raise ValueError(f"Expected `k` from 1 to {len(gallery)} and positive `block`, got {k} and {block}")
    lengths = _lengths("gallery embeddings", gallery, block[1])
    directions = rescaled(probes) / _lengths("probe embeddings", probes, block[1])  # (P, D)
    similarity = directions.new_full((len(probes), k), -torch.inf)
    found = Candidates(similarity, torch.zeros_like(similarity, dtype=torch.long))
    tile = directions.new_empty(min(block[0], len(probes)) * min(block[1], len(gallery)))  # written again and again
    for start in range(0, len(gallery), block[1]):
        faces = slice(start, start + block[1])
        enrolled = (rescaled(gallery[faces]) / lengths[faces]).T  # (D, g)
        for first in range(0, len(probes), block[0]):
            part = slice(first, first + block[0])
            size = (len(directions[part]), enrolled.shape[1])
            scores = torch.mm(directions[part], enrolled, out=tile[: size[0] * size[1]].view(size))
            _merge(Candidates(found.similarity[part], found.place[part]), scores, start)
    return found


def _lengths(name: str, embeddings: Tensor, block: int) -> Tensor:
    """Return L2 norms of rescaled embeddings, ``(N, 1)`` float32, none of them zero."""
    parts = [torch.linalg.vector_norm(rescaled(part), dim=1, keepdim=True) for part in torch.split(embeddings, block)]
    lengths = torch.cat(parts)
    check_finite(name, lengths[:, 0].isfinite())
    return lengths.clamp_(min=EPSILON)


def _merge(best: Candidates, scores: Tensor, start: int) -> None:
    """Put what exceeds the worst of the best, ``(p, k)``, among ``(p, g)`` scores of gallery faces from ``start``."""
    k, faces = best.place.shape[1], scores.shape[1]
    chunk = CHUNK if faces % CHUNK == 0 and faces // CHUNK >= 2 * k else 1
    parts = scores.view(len(scores), -1, chunk)  # (p, g / chunk, chunk)
    maxima = parts.amax(2)
    rows = (maxima.amax(1) > best.similarity[:, -1]).nonzero()[:, 0]
    if not len(rows):
        return
    chunks = maxima[rows].topk(min(k, maxima.shape[1]), dim=1).indices  # (r, c): the best k lie nowhere else
    top = parts[rows[:, None], chunks].flatten(1).topk(min(k, faces), dim=1)
    place = start + chunk * chunks.gather(1, top.indices // chunk) + top.indices % chunk
    similarity = torch.cat([best.similarity[rows], top.values], dim=1)
    place = torch.cat([best.place[rows], place], dim=1)
    kept = similarity.topk(k, dim=1)
    best.similarity[rows] = kept.values
    best.place[rows] = place.gather(1, kept.indices)
