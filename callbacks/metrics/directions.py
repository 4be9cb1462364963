"""Embeddings of whatever length, so that their directions can be compared in float32."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

SHORTEST, LONGEST = 1e-6, 1e15
"""Largest entries of which float32 squares and adds up to millions without overflow, and without loss."""


def rescaled(embeddings: Tensor) -> Tensor:
    """Return embeddings of the same directions in float32, of lengths that float32 can compute.

    Those of a usual length stay as they are, bit for bit; the others are divided by their largest entry. An embedding
    of zeros has no direction and stays one: its similarity to all faces is 0, to its own identity's too, and its
    squared distance 2. That is the one rule of all measures here.

    Args:
        embeddings: ``(N, D)``, finite, of any floating-point type.

    Returns:
        ``(N, D)`` float32.

    Example:
        >>> rescaled(torch.tensor([[3.0, 4.0], [3e30, 4e30], [0.0, 0.0]]))
        tensor([[3.0000, 4.0000],
                [0.7500, 1.0000],
                [0.0000, 0.0000]])
    """
    embeddings = embeddings.float()
    largest = torch.linalg.vector_norm(embeddings, torch.inf, dim=1, keepdim=True)  # (N, 1)
    unusual = (largest > 0) & ((largest < SHORTEST) | (largest > LONGEST))
    return torch.where(unusual, embeddings / largest, embeddings)


def directions(embeddings: Tensor) -> Tensor:
    """Return embeddings of length 1, ``(N, D)`` float32, those of zeros as they are; products are cosine similarities.

    Args:
        embeddings: ``(N, D)``, of whatever length and floating-point type.
    """
    return normalize(rescaled(embeddings))
