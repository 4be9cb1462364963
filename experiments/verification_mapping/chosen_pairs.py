"""The genuine pairs of a protocol's condition that maps are made of, and the thresholds they are judged by."""

from argparse import Namespace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.metrics.operating_threshold import operating_thresholds
from callbacks.recognition.pair_identities import pair_identities
from datamodules.seams.evaluation_protocol import EvaluationProtocol, VerificationPairs
from experiments.cli import UserError

ALL = "all"
"""What protocols call their pairs of faces that nothing was drawn on."""

Indices = NDArray[np.int64]


class ChosenPairs(NamedTuple):
    """Genuine pairs, indices of a protocol's images."""

    first: Indices
    """``(N,)``."""
    second: Indices
    identity: Indices
    """Whom a pair shows, ``(N,)``."""
    condition: str

    def part(self, start: int, number: int) -> "ChosenPairs":
        """Return ``number`` of them, or what is left, from ``start`` on."""
        those = slice(start, start + number)
        return ChosenPairs(self.first[those], self.second[those], self.identity[those], self.condition)

    @property
    def images(self) -> Indices:
        """Their distinct images, ascending."""
        return np.unique(np.concatenate([self.first, self.second]))


def condition_of(protocol: EvaluationProtocol, asked: str | None) -> str:
    """Return the condition whose pairs are compared: the one that is asked for, ``all`` or the only one.

    Raises:
        UserError: If there is none, several and none is named, or they are of templates.
    """
    known = list(protocol.verification)
    if protocol.templates is not None or not known:
        got = "templates" if protocol.templates is not None else "none"
        raise UserError(f"Expected a protocol of pairs of images, got {got} from {protocol.name}")
    if asked is None and (ALL in known or len(known) == 1):
        return ALL if ALL in known else known[0]
    if asked not in known:
        raise UserError(f"Expected --condition among {', '.join(known)}, got {asked or 'none'}")
    return asked


def genuine_pairs(protocol: EvaluationProtocol, condition: str, *, limit: int, seed: int) -> ChosenPairs:
    """Return at most ``limit`` genuine pairs of a condition, in the order that the seed draws them.

    Those of a lower limit come first among those of a higher one.

    Raises:
        UserError: If there are none.
    """
    pairs = protocol.verification[condition]
    genuine = np.flatnonzero(pairs.same)
    if not len(genuine):
        raise UserError(f"Expected genuine pairs, got none among {len(pairs)} of {protocol.name}/{condition}")
    drawn = np.random.default_rng(seed).permutation(genuine)[:limit]
    people = pair_identities(pairs, protocol.source.identities)[0]
    return ChosenPairs(pairs.first[drawn], pairs.second[drawn], people[drawn], condition)


def chosen_thresholds(
    options: Namespace, embeddings: NDArray[np.float32] | None, pairs: VerificationPairs
) -> dict[str, float]:
    """Return the thresholds that are asked for, by what to call them.

    Args:
        options: ``threshold``, or ``far``.
        embeddings: Of all images, ``(N, D)``; those of thresholds that are given are not needed.
        pairs: Of which the impostors give the thresholds of ``far``.

    Raises:
        UserError: If there are too few impostor pairs for a false accept rate.
    """
    if options.threshold is not None or embeddings is None:
        return {f"{threshold:g}": threshold for threshold in options.threshold}
    impostors = ~pairs.same
    scores = pair_scores(embeddings, pairs.first[impostors], pairs.second[impostors])
    try:
        found = operating_thresholds(scores, options.far).threshold
    except ValueError as error:
        raise UserError(f"{error}; --far or --threshold says another") from error
    return {f"far={far:g}": float(found[k]) for k, far in enumerate(options.far)}


def pair_scores(embeddings: NDArray[np.float32], first: Indices, second: Indices) -> Tensor:
    """Return the cosine similarities of pairs, ``(N,)``."""
    one, other = (directions(torch.from_numpy(embeddings[side])) for side in (first, second))
    return (one * other).sum(1)
