"""Scores of pairs of a protocol's images by matched comparison; every image that is made is embedded once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.recognition.matching import Matching
from callbacks.recognition.pair_scorer import Indices
from experiments.evaluation.matching.dressed_faces import DressedFaces

BLOCK = 1 << 16
"""Pairs whose embeddings are held at once."""
Embed = Callable[[Indices, Indices], Tensor]
"""Maps wearers and whose occluders they wear, ``(M,)`` each, to embeddings of length 1, ``(M, D)``."""


@dataclass(frozen=True)
class MatchedPairs:
    """Scores pairs as :func:`~callbacks.recognition.matched_comparison.matched_scores` does.

    Attributes:
        directions: Embeddings of all images, of length 1, ``(N, D)``.
        shares: Of each image that is covered, ``(N,)``.
        counts: Which masks count, ``(N,)`` bool.
        matching: How.
        embed: Embeds what is made.
        views: How often each image is embedded.
        dressed: Makes the images, for figures.
    """

    directions: Tensor
    shares: Tensor
    counts: NDArray[np.bool_]
    matching: Matching
    embed: Embed
    views: int
    dressed: Callable[[Indices, Indices], DressedFaces]

    def __call__(self, first: Indices, second: Indices) -> Tensor:
        """Return the scores of pairs of images, ``(N,)`` each: ``(N,)`` float32."""
        size = -(-len(first) // BLOCK) or 1
        parts = zip(np.array_split(first, size), np.array_split(second, size), strict=True)
        return torch.cat([self._scores(one, other) for one, other in parts])

    def images(self, first: Indices, second: Indices) -> Tensor:
        """Return how many images are made of each pair, ``(N,)`` int64."""
        one, other = self._changed(first, second)
        return torch.from_numpy(one.astype(np.int64) + other)

    def _changed(self, first: Indices, second: Indices) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which faces of pairs look otherwise when they are dressed, ``(N,)`` each."""
        whole = self.matching.whole(self.shares).numpy()
        counted = ~(whole[first] | whole[second])
        covered = self.counts[first] & counted, self.counts[second] & counted
        if self.matching.fill == "partner":
            return covered[1], covered[0]
        either = covered[0] | covered[1]
        return either, either

    def _scores(self, first: Indices, second: Indices) -> Tensor:
        plain = (self.directions[first] * self.directions[second]).sum(1)
        changed = self._changed(first, second)
        rows = np.flatnonzero(changed[0] | changed[1])
        if not len(rows):
            return plain
        pairs = first[rows], second[rows]
        wearers = np.concatenate([one[which[rows]] for one, which in zip(pairs, changed, strict=True)])
        worn = np.concatenate([one[which[rows]] for one, which in zip(reversed(pairs), changed, strict=True)])
        distinct, where = np.unique(np.stack([wearers, worn]), axis=1, return_inverse=True)
        made = self.embed(distinct[0], distinct[1])[where.reshape(-1)]
        shown = [self.directions[one].clone() for one in pairs]
        number = int(changed[0][rows].sum())
        for one, which, embeddings in zip(shown, changed, (made[:number], made[number:]), strict=True):
            one[which[rows]] = embeddings
        shares = torch.where(torch.from_numpy(self.counts), self.shares, 0.0)
        larger = torch.maximum(*(shares[one] for one in pairs))
        scores = plain.clone()
        scores[rows] = self.matching.combined(plain[rows], (shown[0] * shown[1]).sum(1), larger)
        return scores
