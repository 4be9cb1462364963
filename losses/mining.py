"""Online triplet mining: which triplets of a batch to learn from."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from losses.distances import promoted, squared_distances
from losses.triplet_checks import check_margin

Strategy = Literal["semi_hard", "all_semi_hard", "all_violating", "hardest", "all"]

BLOCK = 1 << 22
"""Distances compared at once, which bounds the memory."""


class Triplets(NamedTuple):
    """Indices of :math:`N` triplets in their batch, ``(N,)`` int64 each, in ascending order of anchors."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


@torch.no_grad()
def mine_triplets(
    embeddings: Tensor, identities: Tensor, *, margin: float, strategy: Strategy = "semi_hard"
) -> Triplets:
    r"""Choose triplets by the squared Euclidean distances of a batch's embeddings.

    ===================  ========================================================================================
    strategy             triplets
    ===================  ========================================================================================
    ``"semi_hard"``      for each anchor–positive pair the closest negative with
                         :math:`d_{ap} < d_{an} < d_{ap} + \alpha` (Schroff et al. 2015, which the paper follows)
    ``"all_semi_hard"``  every such negative
    ``"all_violating"``  every negative with :math:`d_{an} < d_{ap} + \alpha`
    ``"hardest"``        for each anchor its farthest positive and its closest negative, whether or not they violate
                         the margin (Hermans et al. 2017, "batch hard")
    ``"all"``            every triplet: no mining
    ===================  ========================================================================================

    Memory does not grow with the number of possible triplets, only with that of the chosen ones. Of equally close
    negatives the first is taken.

    Args:
        embeddings: Shape ``(B, D)``.
        identities: Integers of shape ``(B,)``.
        margin: :math:`\alpha > 0`, in units of squared distance.
        strategy: Which triplets are chosen, a name of the table.

    Returns:
        Indices, maybe none.

    Raises:
        ValueError: If shapes do not match, embeddings are not finite, or a setting is not one of these.

    Example:
        >>> z = torch.tensor([[0.0], [1.0], [1.2], [9.0]])
        >>> [index.tolist() for index in mine_triplets(z, torch.tensor([0, 0, 1, 1]), margin=0.5)]
        [[0], [1], [2]]
    """
    check_margin(margin)
    if strategy not in get_args(Strategy):
        raise ValueError(f"Expected `strategy` of {', '.join(get_args(Strategy))}, got {strategy!r}")
    _check_batch(embeddings, identities)
    found = [_chosen(block, margin, strategy) for block in _blocks(embeddings, identities)]
    if not found:
        return Triplets(*identities.new_empty(3, 0, dtype=torch.long))
    return Triplets(*(torch.cat(column) for column in zip(*found, strict=True)))


@torch.no_grad()
def active_share(embeddings: Tensor, identities: Tensor, *, margin: float) -> Tensor:
    r"""Return which share of all triplets of a batch has a loss, :math:`d_{an} < d_{ap} + \alpha`.

    Args:
        embeddings: Shape ``(B, D)``.
        identities: Integers of shape ``(B,)``.
        margin: :math:`\alpha > 0`, in units of squared distance.

    Returns:
        Scalar in ``[0, 1]``; NaN for a batch without triplets.

    Raises:
        ValueError: As :func:`mine_triplets`.

    Example:
        >>> z = torch.tensor([[0.0], [1.0], [1.2], [9.0]])
        >>> active_share(z, torch.tensor([0, 0, 1, 1]), margin=0.5)
        tensor(0.5000)
    """
    check_margin(margin)
    _check_batch(embeddings, identities)
    active, total = torch.zeros(2, dtype=torch.double, device=embeddings.device)
    for block in _blocks(embeddings, identities):
        row, _, d_ap = block.pairs()
        d_an = block.d_an.index_select(0, row)  # (M, B)
        active += (d_an < d_ap + margin).sum()
        total += d_an.isfinite().sum()
    share: Tensor = (active / total).float()
    return share


class _Block(NamedTuple):
    """Distances of some consecutive anchors to the whole batch."""

    first: int
    d_ap: Tensor  # (b, B), -inf where the column is no positive
    d_an: Tensor  # (b, B), inf where the column is no negative

    def pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return row and positive of the M anchor–positive pairs, and their distances (M, 1)."""
        row, positive = self.d_ap.isfinite().nonzero(as_tuple=True)
        return row, positive, self.d_ap[row, positive][:, None]


def _blocks(embeddings: Tensor, identities: Tensor) -> Iterator[_Block]:
    embeddings = promoted(embeddings)
    _, inverse, counts = torch.unique(identities, return_inverse=True, return_counts=True)
    rows = (counts[inverse] - 1).clamp(min=1).cumsum(0).tolist()  # of negatives, for all anchors up to this one
    for first, last in _ranges(rows, most=max(BLOCK // max(len(identities), 1), 1)):
        distances = squared_distances(embeddings[first:last], embeddings)  # (b, B)
        same = identities[first:last, None] == identities  # (b, B)
        d_an = distances.masked_fill(same, torch.inf)
        same.diagonal(first).fill_(False)  # nobody is their own positive
        yield _Block(first, distances.masked_fill_(~same, -torch.inf), d_an)


def _ranges(cumulative: list[int], *, most: int) -> Iterator[tuple[int, int]]:
    """Cut anchors into ranges of at most so many rows, or of one anchor."""
    first = done = 0
    for anchor, rows in enumerate(cumulative):
        if rows - done > most and anchor > first:
            yield first, anchor
            first, done = anchor, cumulative[anchor - 1]
    if cumulative:
        yield first, len(cumulative)


def _chosen(block: _Block, margin: float, strategy: Strategy) -> Triplets:
    if strategy == "hardest":
        return _hardest(block)
    row, positive, d_ap = block.pairs()  # (M,), (M,), (M, 1)
    d_an = block.d_an.index_select(0, row)  # (M, B)
    if strategy == "semi_hard":
        closest, negative = d_an.masked_fill_(d_an <= d_ap, torch.inf).min(1)  # (M,)
        keep = closest < d_ap.squeeze(1) + margin
        return Triplets(row[keep] + block.first, positive[keep], negative[keep])
    wanted = d_an.isfinite() if strategy == "all" else d_an < d_ap + margin  # (M, B)
    if strategy == "all_semi_hard":
        wanted &= d_an > d_ap
    place = wanted.flatten().nonzero().squeeze(1)  # (N,); with two columns it takes three times as long
    pair, negative = place // wanted.shape[1], place % wanted.shape[1]
    return Triplets((row + block.first).index_select(0, pair), positive.index_select(0, pair), negative)


def _hardest(block: _Block) -> Triplets:
    farthest, positive = block.d_ap.max(1)  # (b,)
    closest, negative = block.d_an.min(1)
    row = (farthest.isfinite() & closest.isfinite()).nonzero().squeeze(1)
    return Triplets(row + block.first, positive[row], negative[row])


def _check_batch(embeddings: Tensor, identities: Tensor) -> None:
    if embeddings.ndim != 2 or identities.shape != embeddings.shape[:1] or not embeddings.is_floating_point():
        raise ValueError(
            f"Expected floating-point embeddings (B, D) and B identities, "
            f"got {embeddings.dtype} {tuple(embeddings.shape)} and {tuple(identities.shape)}"
        )
    if identities.is_floating_point() or identities.is_complex():
        raise ValueError(f"Expected `identities` as integers, got {identities.dtype}")
    finite = embeddings.isfinite().all(1)
    if not finite.all():
        bad = int((~finite).sum())
        raise ValueError(f"Expected finite embeddings, got NaN or infinity in {bad} of {len(finite)}")
