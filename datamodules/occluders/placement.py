"""Where an occluder lies: the seam between a patch and what chooses its centre."""

from typing import Protocol

import numpy as np


class Placement(Protocol):
    """Draws the centre of an occluder."""

    def __call__(self, height: int, width: int, generator: np.random.Generator) -> tuple[int, int]:
        """Return a centre (row, column), a pixel of an image of ``height`` × ``width``.

        Args:
            height: The image's height in pixels.
            width: The image's width in pixels.
            generator: The only source of randomness.

        Raises:
            ValueError: If the placement was made for images of another size.
        """
        ...

    def check_occluder(self, height: int, width: int) -> None:
        """Refuse an occluder of ``height`` × ``width`` pixels if the placement was made for another.

        Raises:
            ValueError: If it was.
        """
        ...
