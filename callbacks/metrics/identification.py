"""Closed-set identification: is the nearest enrolled face the right person's?"""

from torch import Tensor

from callbacks.metrics.cmc import rank_k


def rank_1_accuracy(gallery: Tensor, gallery_identities: Tensor, probes: Tensor, probe_identities: Tensor) -> Tensor:
    """Return the share of probes whose nearest gallery face, by cosine similarity, has their identity.

    It is :func:`~callbacks.metrics.cmc` at rank 1: a tie counts against the probe.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``.
        gallery_identities: Their identities, ``(G,)`` integers.
        probes: Embeddings to identify, ``(P, D)``.
        probe_identities: Their identities, ``(P,)``, each enrolled.

    Returns:
        Scalar in ``[0, 1]``, float32.

    Raises:
        ValueError: If gallery or probes are empty, shapes do not match, embeddings are not finite or identities of
            probes are not enrolled.

    Example:
        >>> import torch
        >>> gallery = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> probes = torch.tensor([[2.0, 1.0], [3.0, 1.0]])
        >>> rank_1_accuracy(gallery, torch.tensor([5, 6]), probes, torch.tensor([5, 6]))
        tensor(0.5000)
    """
    return rank_k(gallery, gallery_identities, probes, probe_identities).float()
