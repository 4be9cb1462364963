"""Identification: whose face in a gallery is each probe's?"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics import cmc, fnir_at_fpir, gallery_decidability, operating_thresholds, search_scores
from callbacks.metrics.metric_checks import measurable
from callbacks.metrics.open_set import FPIRS, SearchScores
from callbacks.recognition.measure_names import with_interval
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


class ComparedFaces(NamedTuple):
    """Gallery and probes, embeddings ``(G, D)`` and ``(P, D)`` with identities."""

    gallery: Tensor
    gallery_identities: Tensor
    probes: Tensor
    probe_identities: Tensor


def identify(faces: Identification, embeddings: Tensor, identities: Tensor) -> Identified:
    """Return the cumulative match characteristic and the measures of probes against a gallery.

    Measures are ``gallery`` and ``probes``, their numbers; ``rank1``, ``rank5``, ``rank10`` where there are as many
    identities; ``gallery_decidability`` of all comparisons of probes and gallery; and of the open set ``fnir@fpir=…``
    and ``threshold@fpir=…`` with its interval. Strangers have no mate there; where there are none, every second
    identity of the gallery, in ascending order, is left out of it, and its probes are those without a mate.

    Args:
        faces: Indices of embeddings.
        embeddings: ``(N, D)``, of whatever length.
        identities: Of all embeddings, ``(N,)``.
    """
    gallery, probes = torch.from_numpy(faces.gallery), torch.from_numpy(faces.probes)
    compared = ComparedFaces(embeddings[gallery], identities[gallery], embeddings[probes], identities[probes])
    enrolled = torch.unique(compared.gallery_identities)
    rates = cmc(*compared, max_rank=min(MAX_RANK, len(enrolled)))
    measures = {"gallery": float(len(gallery)), "probes": float(len(probes))}
    measures |= {f"rank{k}": float(rates[k - 1]) for k in (1, 5, 10) if k <= len(rates)}
    if len(enrolled) > 1:
        measures["gallery_decidability"] = float(gallery_decidability(*compared))
    strangers = torch.from_numpy(faces.strangers)
    if len(strangers):
        measures["strangers"] = float(len(strangers))
        every = torch.cat([probes, strangers])
        opened = compared._replace(probes=embeddings[every], probe_identities=identities[every])
    else:
        opened = _without(compared, enrolled[1::2])
    return _open_set(Identified(rates, measures), opened)


def _without(faces: ComparedFaces, left_out: Tensor) -> ComparedFaces:
    kept = ~torch.isin(faces.gallery_identities, left_out)
    return faces._replace(gallery=faces.gallery[kept], gallery_identities=faces.gallery_identities[kept])


def _open_set(found: Identified, faces: ComparedFaces) -> Identified:
    """Add what is measured of probes of which some have no mate."""
    unmated = ~torch.isin(faces.probe_identities, faces.gallery_identities)
    number = 0 if unmated.all() else int(unmated.sum())
    undefined = [f"fnir@fpir={fpir:g}" for fpir in FPIRS]
    undefined += [name for fpir in FPIRS for name in with_interval(f"threshold@fpir={fpir:g}")]
    measures = found.measures | dict.fromkeys(undefined, math.nan)
    if not number:
        return found._replace(measures=measures)
    scores = search_scores(*faces)
    if fpirs := [fpir for fpir, possible in zip(FPIRS, measurable(FPIRS, number), strict=True) if possible]:
        thresholds = operating_thresholds(scores.unmated, fpirs, first=faces.probe_identities[unmated])
        rates = fnir_at_fpir(scores, fpirs).tolist()
        for fpir, rate, *bounds in zip(fpirs, rates, *(values.tolist() for values in thresholds), strict=True):
            measures[f"fnir@fpir={fpir:g}"] = rate
            measures |= zip(with_interval(f"threshold@fpir={fpir:g}"), bounds, strict=True)
    return found._replace(measures=measures, searched=scores)
