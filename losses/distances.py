"""Squared Euclidean distances between embeddings, in at least float32 under any autocast."""

import torch
from torch import Tensor


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    r"""Compute :math:`\lVert x_i - y_j \rVert_2^2` of all pairs by one matrix product.

    Embeddings are centred first, which no distance notices and which keeps close pairs from cancelling where all
    embeddings lie far from the origin.

    Args:
        x: Embeddings of shape ``(N, D)``.
        y: Embeddings of shape ``(M, D)``.

    Returns:
        Distances of shape ``(N, M)``, at least float32, not negative.

    Example:
        >>> squared_distances(torch.zeros(1, 2), torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[25.,  0.]])
    """
    x, y = promoted(x), promoted(y)
    centre = y.detach().mean(0)
    x, y = x - centre, y - centre
    with torch.autocast(x.device.type, enabled=False):  # or the product would be taken in half precision
        products = x @ y.T  # (N, M)
    return torch.add(x.square().sum(1)[:, None] + y.square().sum(1), products, alpha=-2).clamp_min(0)


def triplet_distances(embeddings: Tensor, anchor: Tensor, positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the squared distances of mined triplets, without a copy of the embeddings where there are many.

    Args:
        embeddings: Shape ``(B, D)``.
        anchor: Index of each triplet's anchor, shape ``(N,)``.
        positive: Index of each triplet's positive, shape ``(N,)``.
        negative: Index of each triplet's negative, shape ``(N,)``.

    Returns:
        d_ap and d_an, ``(N,)`` each, with gradient.

    Example:
        >>> z = torch.tensor([[0.0], [1.0], [3.0]])
        >>> triplet_distances(z, torch.tensor([0]), torch.tensor([1]), torch.tensor([2]))
        (tensor([1.]), tensor([9.]))
    """
    size, dim = embeddings.shape
    if len(anchor) * dim < size * size:
        a, p, n = (embeddings.index_select(0, index) for index in (anchor, positive, negative))
        return paired_distances(a, p), paired_distances(a, n)
    distances = squared_distances(embeddings, embeddings).flatten()
    row = anchor * size
    return distances.gather(0, row + positive), distances.gather(0, row + negative)


def paired_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distances ``(N,)`` of rows of ``x`` and ``y``, ``(N, D)`` each."""
    return (promoted(x) - promoted(y)).square().sum(1)


def promoted(x: Tensor) -> Tensor:
    """Return half-precision tensors as float32, others as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
