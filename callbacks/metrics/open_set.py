"""Open-set identification: most identities that are searched for may not be enrolled at all."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.metrics.gallery_search import search
from callbacks.metrics.mates import mates
from callbacks.metrics.metric_checks import (
    acceptance_bounds,
    check_finite,
    check_measurable,
    check_search,
)

FPIRS = (1e-3, 1e-2, 1e-1)


class SearchScores(NamedTuple):
    """What decides the searches of an open set at whatever threshold."""

    mated: Tensor
    """``(M,)`` float32: similarity of each mated probe's mate if it comes first, minus infinity if not."""
    unmated: Tensor
    """``(U,)`` float32: highest similarity of each unmated probe to anybody."""


class OpenSet(NamedTuple):
    """Error rates of identification at thresholds that a similarity must reach."""

    fpir: Tensor
    """False positive identification rate, ``(T,)`` float64."""
    fnir: Tensor
    """False negative identification rate, ``(T,)`` float64."""
    thresholds: Tensor
    """``(T,)``."""


def search_scores(
    gallery: Tensor, gallery_identities: Tensor, probes: Tensor, probe_identities: Tensor
) -> SearchScores:
    """Return what open-set identification is decided by; probes are mated whose identity is enrolled.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``.
        gallery_identities: Their identities, ``(G,)`` integers.
        probes: Embeddings to identify, ``(P, D)``.
        probe_identities: Their identities, ``(P,)``.

    Raises:
        ValueError: If shapes do not match, embeddings are not finite, or there are no mated or no unmated probes.

    Example:
        >>> gallery, probes = torch.eye(2), torch.tensor([[4.0, 3.0], [0.0, 1.0], [0.6, 0.8]])
        >>> search_scores(gallery, torch.tensor([5, 6]), probes, torch.tensor([5, 5, 9]))
        SearchScores(mated=tensor([0.8000,   -inf]), unmated=tensor([0.8000]))
    """
    check_search(gallery, gallery_identities, probes, probe_identities)
    known = torch.isin(probe_identities, gallery_identities)
    if known.all() or not known.any():
        number = int(known.sum())
        raise ValueError(f"Expected probes with and without a mate, got {number} and {len(known) - number}")
    mated = mates(gallery, gallery_identities, probes[known], probe_identities[known], max_rank=1)
    return SearchScores(mated.similarity, search(gallery, probes[~known], 1).similarity[:, 0])


def open_set_identification(
    gallery: Tensor,
    gallery_identities: Tensor,
    probes: Tensor,
    probe_identities: Tensor,
    *,
    thresholds: Tensor | None = None,
) -> OpenSet:
    r"""Return false positive and false negative identification rates at thresholds.

    .. math::
        \mathrm{FPIR}(T) &= \text{share of unmated probes that anybody enrolled is alike to by at least } T \\
        \mathrm{FNIR}(T) &= \text{share of mated probes whose mate does not come first or is alike by less than } T

    Source: ISO/IEC 19795-1, FPIR and FNIR; NIST FRVT part 2 (NISTIR 8271), FNIR(N, R = 1, T) and FPIR(N, T). A tie at
    the first rank counts against the probe.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``.
        gallery_identities: Their identities, ``(G,)`` integers; several faces of one count by the best.
        probes: Embeddings to identify, ``(P, D)``.
        probe_identities: Their identities, ``(P,)``, some enrolled and some not.
        thresholds: ``(T,)``; if not given, infinity and all similarities at which a rate changes, descending.

    Raises:
        ValueError: If shapes do not match, embeddings are not finite, or there are no mated or no unmated probes.

    Example:
        >>> gallery, probes = torch.eye(2), torch.tensor([[4.0, 3.0], [0.0, 1.0], [0.5, 0.8]])
        >>> enrolled, identities = torch.tensor([5, 6]), torch.tensor([5, 5, 9])
        >>> rates = open_set_identification(gallery, enrolled, probes, identities, thresholds=torch.tensor([0.8]))
        >>> rates.fpir, rates.fnir
        (tensor([1.], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
    """
    mated, unmated = search_scores(gallery, gallery_identities, probes, probe_identities)
    if thresholds is None:
        changes = torch.unique(torch.cat([mated, unmated])).flip(0)
        thresholds = torch.cat([changes.new_tensor([torch.inf]), changes[changes > -torch.inf]])
    refused, missed = (
        torch.searchsorted(kind.double().sort().values, thresholds.double()) for kind in (unmated, mated)
    )
    fpir, fnir = (len(unmated) - refused).double() / len(unmated), missed.double() / len(mated)
    return OpenSet(fpir, fnir, thresholds)


def fnir_at_fpir(scores: SearchScores, fpirs: Sequence[float] = FPIRS) -> Tensor:
    """Return the false negative identification rate where false positives are as frequent as allowed, no more.

    Exact, as :func:`~callbacks.metrics.tar_at_far`: nothing is interpolated.

    Args:
        scores: Of :func:`search_scores`.
        fpirs: Largest false positive identification rates, ``F`` of them in ``(0, 1]``.

    Returns:
        ``(F,)`` float64.

    Raises:
        ValueError: If a rate lies below 1 / number of unmated probes, or a similarity is NaN or infinite; minus
            infinity stands for a mate that does not come first.

    Example:
        >>> scores = SearchScores(mated=torch.tensor([0.8, -torch.inf]), unmated=torch.tensor([0.9, 0.7]))
        >>> fnir_at_fpir(scores, (0.5, 1.0))
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    for kind, similarities in (("mated", scores.mated), ("unmated", scores.unmated)):
        check_finite(f"similarities of {kind} probes", ~(similarities.isnan() | similarities.isposinf()))
    check_measurable("fpirs", fpirs, len(scores.unmated), "unmated probes")
    return (scores.mated <= acceptance_bounds(scores.unmated, fpirs)[:, None]).double().mean(1)
