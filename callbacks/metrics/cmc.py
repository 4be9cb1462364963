"""Closed-set identification: among how many of the nearest identities is the right one?"""

import torch
from torch import Tensor

from callbacks.metrics.mates import mates
from callbacks.metrics.metric_checks import check_faces


def cmc(
    gallery: Tensor, gallery_identities: Tensor, probes: Tensor, probe_identities: Tensor, *, max_rank: int = 20
) -> Tensor:
    """Return the cumulative match characteristic: the share of probes identified within each rank.

    Ranks are those of identities by :func:`~callbacks.metrics.mates`: several gallery faces of one identity count by
    the best, a tie counts against the probe.

    Source: ISO/IEC 19795-1, "identification rank" and "cumulative match characteristic", closed set.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``.
        gallery_identities: Their identities, ``(G,)`` integers.
        probes: Embeddings to identify, ``(P, D)``.
        probe_identities: Their identities, ``(P,)``, each enrolled.
        max_rank: Highest rank :math:`K`, at least 1.

    Returns:
        Shares in ``[0, 1]`` for ranks 1 … :math:`K`, ``(K,)``, float64.

    Raises:
        ValueError: If gallery or probes are empty, shapes do not match, embeddings are not finite, identities of
            probes are not enrolled or ``max_rank`` is below 1.

    Example:
        >>> gallery, probes = torch.eye(3), torch.tensor([[1.0, 0.1, 0.0], [0.1, 0.0, 1.0]])
        >>> cmc(gallery, torch.tensor([5, 6, 7]), probes, torch.tensor([5, 5]), max_rank=3)
        tensor([0.5000, 1.0000, 1.0000], dtype=torch.float64)
    """
    check_faces("gallery", gallery, gallery_identities)
    check_faces("probes", probes, probe_identities)
    if missing := torch.unique(probe_identities[~torch.isin(probe_identities, gallery_identities)]).tolist():
        raise ValueError(
            f"Expected a gallery face of every probe's identity, got none of {len(missing):,}: "
            f"{', '.join(map(str, missing[:5]))}{', …' if len(missing) > 5 else ''}"
        )
    rank = mates(gallery, gallery_identities, probes, probe_identities, max_rank=max_rank).rank
    return shares_within(rank, max_rank)


def shares_within(rank: Tensor, max_rank: int) -> Tensor:
    """Return the share of ranks, from 1 to ``max_rank + 1``, within each of 1 … ``max_rank``, ``(max_rank,)`` float64.

    Example:
        >>> shares_within(torch.tensor([1, 3, 2, 1]), 2)
        tensor([0.5000, 0.7500], dtype=torch.float64)
    """
    return torch.bincount(rank, minlength=max_rank + 2)[1:-1].cumsum(0).double() / len(rank)
