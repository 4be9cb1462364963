"""Anywhere on the image."""

import numpy as np


class UniformPlacement:
    """Centres an occluder on every pixel of the image with equal probability; satisfies :class:`Placement`.

    Example:
        >>> UniformPlacement()(100, 80, np.random.default_rng(0))
        (85, 50)
    """

    def __call__(self, height: int, width: int, generator: np.random.Generator) -> tuple[int, int]:
        """Return a centre (row, column); see :class:`Placement`."""
        return int(generator.integers(height)), int(generator.integers(width))

    def check_occluder(self, height: int, width: int) -> None:
        """Accept every size."""
