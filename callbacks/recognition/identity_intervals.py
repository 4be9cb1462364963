"""Intervals of measures over pairs and probes that share identities: the identities are drawn anew."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.metrics.identity_bootstrap import identity_weights, percentile_interval, weighted_rates
from callbacks.metrics.mates import mates
from callbacks.metrics.tar_at_far import FARS
from callbacks.recognition.measure_names import HIGH, LOW
from callbacks.recognition.pair_identities import pair_identities
from callbacks.recognition.verification import Verified
from datamodules.seams.evaluation_protocol import Identification, VerificationPairs

REPLICATES = 500
"""Data sets of identities drawn anew."""
_SEED = 0


def pair_intervals(
    verified: Verified, pairs: VerificationPairs, identities: Tensor, *, replicates: int = REPLICATES
) -> dict[str, float]:
    """Return the 95 % percentile intervals of a condition's ``eer``, ``auc`` and ``tar@far=…``, as far as measured.

    They tell how much the measures would vary over other people of the same kind, not over other photographs of these:
    all pairs of an identity are drawn with it. Thresholds are chosen anew in each data set.

    Args:
        verified: Scores and measures.
        pairs: What was compared.
        identities: Of all embeddings, ``(N,)``.
        replicates: Number of data sets; more than 0.

    Returns:
        ``…_low`` and ``…_high`` by measure; none where there is no genuine or no impostor pair.
    """
    if not 0 < int(verified.same.sum()) < len(verified.same):
        return {}
    fars = [far for far in FARS if np.isfinite(verified.measures.get(f"tar@far={far:g}", np.nan))]
    first, second = pair_identities(pairs, identities.numpy())
    parts = [
        weighted_rates(verified.scores, verified.same, weights, fars=fars)
        for weights in identity_weights(first, second, replicates=replicates, seed=_SEED)
    ]
    return _bounds({name: torch.cat([part[name] for part in parts]) for name in parts[0]})


def rank1_interval(
    faces: Identification, embeddings: Tensor, identities: Tensor, *, replicates: int = REPLICATES
) -> dict[str, float]:
    """Return the 95 % percentile interval of ``rank1``, with the identities of the probes drawn anew.

    The gallery stays as it is: everybody in it can be mistaken for anybody.

    Args:
        faces: Gallery and probes.
        embeddings: ``(N, D)``, of whatever length.
        identities: Of all embeddings, ``(N,)``.
        replicates: Number of data sets; more than 0.
    """
    unit = directions(embeddings)
    gallery, probes = (torch.from_numpy(indices) for indices in (faces.gallery, faces.probes))
    rank = mates(unit[gallery], identities[gallery], unit[probes], identities[probes], max_rank=1).rank
    hits, shown = (rank == 1).double(), identities[probes].numpy()
    draws: Iterator[Tensor] = identity_weights(shown, shown, replicates=replicates, seed=_SEED)
    return _bounds({"rank1": torch.cat([(weights @ hits) / weights.sum(1) for weights in draws])})


def _bounds(replicates: dict[str, Tensor]) -> dict[str, float]:
    bounds: dict[str, float] = {}
    for name, values in replicates.items():
        low, high = percentile_interval(values)
        if np.isfinite(low):  # nobody drawn anew had pairs of both kinds
            bounds |= {name + LOW: low, name + HIGH: high}
    return bounds
