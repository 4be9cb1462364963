"""Closed-set identification: is the nearest enrolled face the right person's?"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from callbacks.metrics.checks import check_faces


def rank_1_accuracy(
    gallery: Tensor, gallery_identities: Tensor, probes: Tensor, probe_identities: Tensor, *, block: int = 4096
) -> Tensor:
    """Return the share of probes whose nearest gallery face, by cosine similarity, has their identity.

    Args:
        gallery: Enrolled embeddings, ``(G, D)``.
        gallery_identities: Their identities, ``(G,)``.
        probes: Embeddings to identify, ``(P, D)``.
        probe_identities: Their identities, ``(P,)``.
        block: Probes compared at once, which bounds memory by ``block · G`` similarities.

    Returns:
        Scalar in ``[0, 1]``.

    Raises:
        ValueError: If gallery or probes are empty, or shapes do not match.

    Example:
        >>> gallery = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> probes = torch.tensor([[2.0, 1.0], [3.0, 1.0]])
        >>> rank_1_accuracy(gallery, torch.tensor([5, 6]), probes, torch.tensor([5, 6]))
        tensor(0.5000)
    """
    check_faces("gallery", gallery, gallery_identities)
    check_faces("probes", probes, probe_identities)
    directions = normalize(gallery.float()).T  # (D, G)
    nearest = torch.cat(
        [(normalize(part.float()) @ directions).argmax(1) for part in torch.split(probes, block)]
    )  # (P,)
    return (gallery_identities[nearest] == probe_identities).float().mean()
