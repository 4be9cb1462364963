"""Identification: whose face in a gallery is each probe's?"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from callbacks.metrics import cmc, fnir_at_fpir, gallery_decidability, operating_thresholds, search_scores
from callbacks.metrics.cmc import shares_within
from callbacks.metrics.metric_checks import measurable
from callbacks.metrics.open_set import FPIRS, SearchScores
from callbacks.recognition.measure_names import A_PROBE, with_interval
from callbacks.recognition.pair_scorer import Indices
from callbacks.recognition.reranking import Reranking, Searched, reranked_mates, reranked_scores, rescored
from datamodules.seams.evaluation_protocol import Identification

MAX_RANK = 20


class Identified(NamedTuple):
    """What became of a condition's probes."""

    cmc: Tensor
    """``(MAX_RANK,)`` or as many as there are identities."""
    measures: dict[str, float]
    """By name; NaN where there are too few probes to tell."""
    searched: SearchScores | None = None
    """What decides the open set; ``None`` where there is none."""


def identify(
    faces: Identification, embeddings: Tensor, identities: Tensor, reranking: Reranking | None = None
) -> Identified:
    """Return the cumulative match characteristic and the measures of probes against a gallery.

    Measures are ``gallery`` and ``probes``, their numbers; ``rank1``, ``rank5``, ``rank10`` where there are as many
    identities; ``gallery_decidability`` of all comparisons of probes and gallery; and of the open set ``fnir@fpir=…``
    and ``threshold@fpir=…`` with its interval. Strangers have no mate there; where there are none, every second
    identity of the gallery, in ascending order, is left out of it, and its probes are those without a mate.

    Args:
        faces: Indices of embeddings.
        embeddings: ``(N, D)``, of whatever length.
        identities: Of all embeddings, ``(N,)``.
        reranking: What compares the first candidates once more; ``embeddings_a_probe`` is then among the measures, how
            many it takes, on average, and decidability, which is of all comparisons, is not.
    """
    compared = _searched(faces.gallery, faces.probes, embeddings, identities)
    enrolled = torch.unique(compared.gallery_identities)
    max_rank = min(MAX_RANK, len(enrolled))
    measures = {"gallery": float(len(faces.gallery)), "probes": float(len(faces.probes))}
    if reranking is None:
        rates = cmc(*compared.embedded, max_rank=max_rank)
    else:
        candidates, measures[A_PROBE] = rescored(compared, reranking)
        rates = shares_within(reranked_mates(compared, candidates, max_rank=max_rank).rank, max_rank)
    measures |= {f"rank{k}": float(rates[k - 1]) for k in (1, 5, 10) if k <= len(rates)}
    if len(enrolled) > 1 and reranking is None:
        measures["gallery_decidability"] = float(gallery_decidability(*compared.embedded))
    if len(faces.strangers):
        measures["strangers"] = float(len(faces.strangers))
        every = np.concatenate([faces.probes, faces.strangers])
        opened = _searched(faces.gallery, every, embeddings, identities)
    else:
        opened = _without(compared, enrolled[1::2])
    return _open_set(Identified(rates, measures), opened, reranking)


def _searched(gallery: Indices, probes: Indices, embeddings: Tensor, identities: Tensor) -> Searched:
    rows = torch.from_numpy(gallery), torch.from_numpy(probes)
    parts = [part for row in rows for part in (embeddings[row], identities[row])]
    return Searched(parts[0], parts[1], parts[2], parts[3], gallery, probes)


def _without(faces: Searched, left_out: Tensor) -> Searched:
    kept = ~torch.isin(faces.gallery_identities, left_out)
    return faces._replace(
        gallery=faces.gallery[kept],
        gallery_identities=faces.gallery_identities[kept],
        gallery_indices=faces.gallery_indices[kept.numpy()],
    )


def _open_set(found: Identified, faces: Searched, reranking: Reranking | None) -> Identified:
    """Add what is measured of probes of which some have no mate."""
    unmated = ~torch.isin(faces.probe_identities, faces.gallery_identities)
    number = 0 if unmated.all() else int(unmated.sum())
    undefined = [f"fnir@fpir={fpir:g}" for fpir in FPIRS]
    undefined += [name for fpir in FPIRS for name in with_interval(f"threshold@fpir={fpir:g}")]
    measures = found.measures | dict.fromkeys(undefined, math.nan)
    if not number:
        return found._replace(measures=measures)
    scores = search_scores(*faces.embedded) if reranking is None else reranked_scores(faces, reranking)
    if fpirs := [fpir for fpir, possible in zip(FPIRS, measurable(FPIRS, number), strict=True) if possible]:
        thresholds = operating_thresholds(scores.unmated, fpirs, first=faces.probe_identities[unmated])
        rates = fnir_at_fpir(scores, fpirs).tolist()
        for fpir, rate, *bounds in zip(fpirs, rates, *(values.tolist() for values in thresholds), strict=True):
            measures[f"fnir@fpir={fpir:g}"] = rate
            measures |= zip(with_interval(f"threshold@fpir={fpir:g}"), bounds, strict=True)
    return found._replace(measures=measures, searched=scores)
