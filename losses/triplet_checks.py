"""What the triplet losses refuse."""

import math

from torch import Tensor


def check_triplets(anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    """Refuse embeddings that are not of one shape ``(N, D)``."""
    shapes = [tuple(t.shape) for t in (anchor, positive, negative)]
    if anchor.ndim != 2 or len(set(shapes)) != 1:
        raise ValueError(f"Expected anchor, positive, negative of one shape (N, D), got {shapes}")


def check_distances(d_ap: Tensor, d_an: Tensor) -> None:
    """Refuse distances that are not of one shape ``(N,)``."""
    if d_ap.ndim != 1 or d_ap.shape != d_an.shape:
        raise ValueError(f"Expected d_ap and d_an of one shape (N,), got {tuple(d_ap.shape)}, {tuple(d_an.shape)}")


def check_margin(margin: float) -> None:
    """Refuse a margin that is not positive and finite."""
    if not 0.0 < margin < math.inf:
        raise ValueError(f"Expected `margin` (α) above 0, got {margin}")
