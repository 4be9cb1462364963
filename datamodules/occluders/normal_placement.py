"""Around the middle of the image."""

from functools import lru_cache
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

WIDEST = 10.0
"""Here the density differs by 0.1 % over the image: any wider is :class:`UniformPlacement`."""


class NormalPlacement:
    """Centres an occluder by a normal distribution around the middle of the image; satisfies :class:`Placement`.

    Rows and columns are independent. Pixel k of n has the probability of [k, k + 1) under N(n/2, (scale · n)²)
    cut to [0, n): as if one drew again until the centre falls on the image.

    Source: Sáez Trigueros et al., section 4.1, scheme R, "sampled from a standard normal distribution". The paper
    does not say how many pixels one standard deviation has. By default the image spans ±2 of them, which is
    where a standard normal distribution has 95 % of its mass: the occluder favours the centre, reaches every
    pixel, and hardly anything is cut.

    Args:
        scale: Standard deviation as a share of the image's side, above 0 and at most 10.

    Raises:
        ValueError: If ``scale`` is out of range.

    Example:
        >>> NormalPlacement()(100, 80, np.random.default_rng(0))
        (58, 28)
    """

    def __init__(self, scale: float = 0.25) -> None:
        if not 0 < scale <= WIDEST:
            raise ValueError(f"Expected `scale` above 0 and at most {WIDEST:g}, got {scale}")
        self.scale = scale

    def __call__(self, height: int, width: int, generator: np.random.Generator) -> tuple[int, int]:
        """Return a centre (row, column); see :class:`Placement`."""
        row, column = (
            int(_cumulative(side, self.scale).searchsorted(generator.random(), side="right"))
            for side in (height, width)
        )
        return row, column

    def check_occluder(self, height: int, width: int) -> None:
        """Accept every size."""


@lru_cache(maxsize=64)
def _cumulative(side: int, scale: float) -> NDArray[np.float64]:
    """Return the probability of a pixel up to each one, ``(side,)``; the last is exactly 1."""
    edges = (np.arange(side + 1) / side - 0.5) / scale  # in standard deviations from the middle
    normal = np.array([erf(edge / sqrt(2)) for edge in edges.tolist()])
    return np.asarray((normal[1:] - normal[0]) / (normal[-1] - normal[0]))
