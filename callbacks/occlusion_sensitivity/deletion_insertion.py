"""Deletion and insertion: whether what a map calls important is what a score hangs on."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn.functional import interpolate

Kind = Literal["deletion", "insertion"]
Score = Callable[[Tensor], Tensor]
"""Of ``(N, C, H, W)`` images, ``(N,)``; each stays the one of its image, whatever is covered of it."""


class Curve(NamedTuple):
    """Scores by the share of the image that is deleted or inserted."""

    shares: Tensor
    """``(K + 1,)`` from 0 to 1."""
    scores: Tensor
    """``(N, K + 1)``."""

    @property
    def area(self) -> Tensor:
        """``(N,)``: the mean score over shares, by trapezoids; low is good of deletion, high of insertion."""
        return torch.trapezoid(self.scores, self.shares, dim=1)


@torch.no_grad()
def perturbation_curve(
    score: Score, images: Tensor, importance: Tensor, *, kind: Kind, fill: Tensor, steps: int
) -> Curve:
    r"""Score images of which the most important pixels are covered, or of which they alone are seen.

    At step :math:`k` of :math:`K`, the :math:`\lfloor k H W / K + 1/2 \rfloor` most important pixels are deleted: they
    take the value of ``fill``; or inserted: all others do. Of equal importance the upper and left come first.

    Source: Petsiuk, Das and Saenko (2018), RISE, section 4.3, https://arxiv.org/abs/1806.07421; there insertion begins
    with a blurred picture, of which a recogniser still tells much.

    Args:
        score: What is asked of the images.
        images: ``(N, C, H, W)``.
        importance: Of their pixels, ``(N, H, W)`` or one ``(H, W)`` for all, finite; higher is more important.
        kind: ``"deletion"`` or ``"insertion"``.
        fill: What takes the place of pixels, ``(C,)``.
        steps: K.

    Raises:
        ValueError: If a setting is out of range, or shapes do not fit.

    Example:
        >>> image, importance = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([[0.1, 0.4], [0.2, 0.3]])
        >>> settings = {"fill": torch.zeros(1), "steps": 4}
        >>> curve = perturbation_curve(lambda x: x.sum((1, 2, 3)), image, importance, kind="deletion", **settings)
        >>> curve.scores, curve.area
        (tensor([[10.,  8.,  4.,  1.,  0.]]), tensor([4.5000]))
    """
    _check(images, importance, kind, steps)
    order = ranks(importance).expand(len(images), *images.shape[2:])  # (N, H, W)
    shares = torch.linspace(0, 1, steps + 1, device=images.device)
    found = []
    for share in shares.double():
        chosen = order < torch.floor(share * order[0].numel() + 0.5)
        covered = chosen if kind == "deletion" else ~chosen
        found.append(score(torch.where(covered[:, None], fill.view(-1, 1, 1), images)))
    return Curve(shares, torch.stack(found, 1))


def ranks(importance: Tensor) -> Tensor:
    """Return the place of each pixel, 0 for the most important, of ``(…, H, W)`` maps.

    Example:
        >>> ranks(torch.tensor([[0.1, 0.4], [0.4, 0.3]]))
        tensor([[3, 0],
                [1, 2]])
    """
    flat = importance.flatten(-2)
    order = flat.argsort(dim=-1, descending=True, stable=True)
    places = torch.arange(flat.shape[-1], device=flat.device).expand_as(order)
    return torch.empty_like(order).scatter_(-1, order, places).view_as(importance)


def random_importance(number: int, size: tuple[int, int], grain: tuple[int, int], seed: int) -> Tensor:
    """Return random maps ``(N, H, W)`` of values in [0, 1], as coarse as an occluder.

    An order of single random pixels would be noise, by which a recogniser is misled more than by what it hides.

    Args:
        number: N.
        size: H and W.
        grain: Height and width of what varies as one, in pixels.
        seed: Of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    cells = [max(2, -(-length // side) + 1) for length, side in zip(size, grain, strict=True)]
    drawn = torch.rand(number, 1, *cells, generator=generator)
    return interpolate(drawn, size=size, mode="bilinear", align_corners=True)[:, 0]


def _check(images: Tensor, importance: Tensor, kind: str, steps: int) -> None:
    if kind not in get_args(Kind):
        raise ValueError(f"Expected `kind` of {', '.join(get_args(Kind))}, got {kind!r}")
    if steps < 1:
        raise ValueError(f"Expected `steps` of at least 1, got {steps}")
    number, _, *size = images.shape
    allowed: Sequence[tuple[int, ...]] = ((number, *size), tuple(size))
    if importance.shape not in allowed:
        raise ValueError(f"Expected `importance` of shape {allowed[0]} or {allowed[1]}, got {tuple(importance.shape)}")
    if not importance.isfinite().all():
        raise ValueError("Expected finite `importance`, got NaN or infinity")
