"""Identification: whose face in a gallery is each probe's?"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics import cmc, fnir_at_fpir, gallery_decidability, search_scores
from callbacks.metrics.metric_checks import measurable
from callbacks.metrics.open_set import FPIRS
from datamodules.seams.evaluation_protocol import Identification

MAX_RANK = 20


class Identified(NamedTuple):
    """What became of a condition's probes."""

    cmc: Tensor
    """``(MAX_RANK,)`` or as many as there are identities."""
    measures: dict[str, float]
    """By name; NaN where there are too few probes to tell."""


class ComparedFaces(NamedTuple):
    """Gallery and probes, embeddings ``(G, D)`` and ``(P, D)`` with identities."""

    gallery: Tensor
    gallery_identities: Tensor
    probes: Tensor
    probe_identities: Tensor


def identify(faces: Identification, embeddings: Tensor, identities: Tensor) -> Identified:
    """Return the cumulative match characteristic and the measures of probes against a gallery.

    Measures are ``gallery`` and ``probes``, their numbers; ``rank1``, ``rank5``, ``rank10`` where there are as many
    identities; ``gallery_decidability`` of all comparisons of probes and gallery; and ``fnir@fpir=…`` of an open set:
    every second identity of the gallery, in ascending order, is left out of it, and its probes have no mate.

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
    return Identified(rates, measures | _open_set(compared, left_out=enrolled[1::2]))


def _open_set(faces: ComparedFaces, left_out: Tensor) -> dict[str, float]:
    """Return the false negative identification rates without some of the gallery's identities."""
    kept = ~torch.isin(faces.gallery_identities, left_out)
    unmated = torch.isin(faces.probe_identities, left_out)
    number = 0 if unmated.all() else int(unmated.sum())
    measures = {f"fnir@fpir={fpir:g}": math.nan for fpir in FPIRS}
    if fpirs := [fpir for fpir, possible in zip(FPIRS, measurable(FPIRS, number), strict=True) if possible]:
        scores = search_scores(faces.gallery[kept], faces.gallery_identities[kept], *faces[2:])
        measures |= {
            f"fnir@fpir={fpir:g}": rate for fpir, rate in zip(fpirs, fnir_at_fpir(scores, fpirs).tolist(), strict=True)
        }
    return measures
