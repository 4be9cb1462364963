"""How two faces are made alike where either is covered."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Matching:
    r"""How two faces are made alike where either is covered, and what that counts for.

    Args:
        weight: :math:`w` of the matched score; the plain one counts :math:`1 - w`.
        fill: What covers both faces: ``"partner"``, the other face's own pixels; ``"grey"``; ``"noise"``, the same in
            both.
        place: ``"random"`` is the control: the occluder is worn somewhere else, so that as many embeddings are made and
            no skin is matched.
        grow: Pixels by which masks are grown on all sides.
        soften: Standard deviation of a blur of the masks, in pixels; 0 keeps edges hard.
        least_share: Share of the image from which on a mask counts: smaller ones are taken for mistakes of a segmenter.
        most_share: Share of the image up to which it does: of a face that is covered altogether nothing can be matched.
        full_weight_share: Covered share from which on :math:`w` is reached, rising from 0; 0 is :math:`w` throughout.

    Raises:
        ValueError: If a setting is out of range.
    """

    weight: float = 0.5
    fill: Literal["partner", "grey", "noise"] = "partner"
    place: Literal["same", "random"] = "same"
    grow: int = 0
    soften: float = 0.0
    least_share: float = 0.02
    most_share: float = 0.8
    full_weight_share: float = 0.0

    def __post_init__(self) -> None:
        for name, allowed in (("fill", ("partner", "grey", "noise")), ("place", ("same", "random"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"Expected `{name}` of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if self.place == "random" and self.fill != "partner":
            raise ValueError(f'Expected `place` "same" with one filling of both faces, got "random" and {self.fill!r}')
        if not 0 <= self.least_share < self.most_share <= 1:
            raise ValueError(
                f"Expected 0 ≤ `least_share` < `most_share` ≤ 1, got {self.least_share} and {self.most_share}"
            )
        for name, most in (("weight", 1.0), ("full_weight_share", 1.0), ("grow", 1000), ("soften", 1000.0)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"Expected `{name}` from 0 to {most:g}, got {getattr(self, name)}")

    def counts(self, shares: Tensor) -> Tensor:
        """Return which masks count, ``(N,)`` bool, by the share of the image that each covers, ``(N,)``."""
        return (shares > 0) & (shares >= self.least_share) & (shares <= self.most_share)

    def whole(self, shares: Tensor) -> Tensor:
        """Return which faces are covered altogether, ``(N,)`` bool: pairs of them keep the plain score."""
        return shares > self.most_share

    def combined(self, plain: Tensor, matched: Tensor, shares: Tensor) -> Tensor:
        """Return scores ``(N,)`` of plain and matched ones, and the larger covered share of each pair."""
        full = self.full_weight_share
        weight = self.weight * ((shares / full).clamp(max=1) if full > 0 else torch.ones_like(shares))
        return (1 - weight) * plain + weight * matched
