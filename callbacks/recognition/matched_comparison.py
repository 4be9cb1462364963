"""Matched comparison: each of two faces is also shown wearing the other's occluder, so that both show the same skin."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from callbacks.metrics.directions import directions
from callbacks.recognition.dressing import covered_shares, dressed, prepared_masks
from callbacks.recognition.matching import Matching


def matched_scores(
    embed: Callable[[Tensor], Tensor],
    first: Tensor,
    second: Tensor,
    first_masks: Tensor,
    second_masks: Tensor,
    matching: Matching = Matching(),  # noqa: B008  immutable
) -> Tensor:
    r"""Return the scores of pairs of faces of which either may be covered.

    .. math::
        s(x, y) = (1 - w) \cos(f(x), f(y)) + w \cos(f(x'), f(y'))

    where :math:`x'` is :math:`x` with the pixels of :math:`y` where :math:`y`'s mask says occluder, and :math:`y'`
    likewise; where both masks say so, both keep what the other wears. Where neither mask counts, or a face is covered
    altogether, the score is the plain one, and nothing more is embedded.

    Our extension; no paper has it.

    Args:
        embed: Maps images ``(B, C, H, W)`` to embeddings ``(B, D)``.
        first: Faces ``(N, C, H, W)``, pixels from 0 to 255, aligned alike.
        second: Those they are compared with, ``(N, C, H, W)``.
        first_masks: ``(N, H, W)``: 1, or true, where an occluder covers the first face, else 0.
        second_masks: ``(N, H, W)``, of the second.
        matching: How.

    Returns:
        ``(N,)``.

    Raises:
        ValueError: If shapes do not fit, masks are missing or not within 0 and 1, or ``embed`` takes no images.

    Example:
        >>> faces = torch.tensor([[1.0, 2.0], [1.0, 9.0]]).view(2, 1, 1, 2)
        >>> masks = torch.tensor([[0, 0], [0, 1]]).view(2, 1, 2)  # the second pixel of the second face is covered
        >>> pair = faces[:1], faces[1:], masks[:1], masks[1:]
        >>> [round(float(matched_scores(lambda x: x.flatten(1), *pair, Matching(weight=w))), 3) for w in (0, 0.5, 1)]
        [0.938, 0.969, 1.0]
    """
    _check(embed, first, second, first_masks, second_masks)
    masks = [prepared_masks(one, matching) for one in (first_masks, second_masks)]
    shares = torch.stack([covered_shares(one) for one in (first_masks, second_masks)])  # (2, N)
    plain = _cosines(embed(first), embed(second))
    whole = matching.whole(shares).any(0)
    if number := int(whole.sum()):
        warnings.warn(f"{number} pairs with a face that is covered altogether keep the plain score", stacklevel=2)
    rows = torch.nonzero(matching.counts(shares).any(0) & ~whole)[:, 0]
    if not len(rows):
        return plain
    counted = [mask * matching.counts(share)[:, None, None] for mask, share in zip(masks, shares, strict=True)]
    worn = dressed(first[rows], second[rows], counted[0][rows], counted[1][rows], matching)
    scores = plain.clone()
    matched = _cosines(embed(worn.first), embed(worn.second))
    scores[rows] = matching.combined(plain[rows], matched, shares[:, rows].amax(0).to(plain))
    return scores


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    if first.ndim != 2 or first.shape != second.shape:
        raise ValueError(f"Expected embeddings (N, D), got {tuple(first.shape)} and {tuple(second.shape)}")
    return (directions(first) * directions(second)).sum(1)


def _check(embed: object, first: Tensor, second: Tensor, first_masks: object, second_masks: object) -> None:
    if not callable(embed):
        raise ValueError(
            "Expected `embed` that makes embeddings of images: of embeddings alone none can be made of a face that "
            f"wears another's occluder, got {type(embed).__name__}"
        )
    if first.ndim != 4 or first.shape != second.shape:
        raise ValueError(f"Expected faces (N, C, H, W) alike, got {tuple(first.shape)} and {tuple(second.shape)}")
    shape = (len(first), *first.shape[2:])
    for name, masks in (("first_masks", first_masks), ("second_masks", second_masks)):
        if not isinstance(masks, Tensor):
            raise ValueError(f"Expected `{name}`, all 0 where nothing is covered, got {type(masks).__name__}")
        if masks.shape != shape:
            raise ValueError(f"Expected `{name}` {shape}, of the faces' size, got {tuple(masks.shape)}")
        if masks.numel() and not (float(masks.min()) >= 0 and float(masks.max()) <= 1):
            raise ValueError(f"Expected `{name}` from 0 to 1, got {float(masks.min()):g} to {float(masks.max()):g}")
