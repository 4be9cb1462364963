"""Random erasing: a rectangle of any area, shape and place, of random pixels."""

from math import sqrt

import numpy as np

from datamodules.occluders.occluder import Occluded
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_source import Landmarks, UInt8Image

Range = tuple[float, float]
"""Least and greatest."""


class RandomErasing:
    """Covers a face with a rectangle of random pixels, which always lies within the image.

    The area is uniform over its range, then the aspect over what of its range fits into the image at that area, then
    the place over all where the rectangle lies within. (Algorithm 1 of the paper draws all three anew where a corner
    lies outside, which favours small rectangles.) Every pixel has a colour of its own, the paper's RE-R, its best. The
    label map is 1 on the whole rectangle. Landmarks are not looked at.

    Which share of the faces is covered is a mixture's business, the paper's p: 0.5.

    Source: Zhong et al. (2020), section 3.2 and Algorithm 1, https://arxiv.org/abs/1708.04896.

    Args:
        area: Least and greatest area of the rectangle as a share of the image's.
        aspect: Least and greatest height divided by width.
        name: The category in the label. An evaluation goes by the mixture's names.

    Raises:
        ValueError: If a range is empty or out of bounds, the greatest area has no aspect that fits, or the name stands
            for a clean image.

    Example:
        >>> face, points = np.full((100, 100, 3), 128, np.uint8), np.zeros((5, 2), np.float32)
        >>> erased = RandomErasing(area=(0.2, 0.2))(face, points, np.random.default_rng(0))
        >>> erased.occluder, round(float(erased.mask.mean()), 2)
        ('erasing', 0.2)
    """

    def __init__(self, area: Range = (0.02, 0.4), aspect: Range = (0.3, 1 / 0.3), *, name: str = "erasing") -> None:
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(f"Expected `area` as 0 < low ≤ high ≤ 1, got {area[0]} to {area[1]}")
        if not 0 < aspect[0] <= aspect[1] < float("inf"):
            raise ValueError(f"Expected `aspect` as 0 < low ≤ high, finite, got {aspect[0]} to {aspect[1]}")
        if not name or name == CLEAN:
            raise ValueError(f"Expected `name` as text other than {CLEAN!r}, the clean image, got {name!r}")
        self.area = area
        self.aspect = aspect
        self.name = name
        self._fitting(area[1], 1, 1)

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Return the occluded copy of ``image`` and its label map; see :class:`Occluder`.

        Raises:
            ValueError: If no aspect in its range fits into an image of this shape.
        """
        height, width = image.shape[:2]
        rows, columns = self._size(height, width, generator)
        top, left = generator.integers(height - rows + 1), generator.integers(width - columns + 1)
        window = slice(top, top + rows), slice(left, left + columns)
        covered, mask = np.array(image, order="C"), np.zeros((height, width), np.uint8)
        mask[window] = 1
        covered[window] = generator.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
        return Occluded(covered, mask, self.name)

    def _size(self, height: int, width: int, generator: np.random.Generator) -> tuple[int, int]:
        """Return the height and width of a new rectangle in pixels."""
        area = generator.uniform(*self.area)
        aspect = generator.uniform(*self._fitting(area, height, width))
        pixels = area * height * width
        rows, columns = round(sqrt(pixels * aspect)), round(sqrt(pixels / aspect))
        return min(max(rows, 1), height), min(max(columns, 1), width)

    def _fitting(self, area: float, height: int, width: int) -> Range:
        """Return the least and greatest aspect of an area that fits into an image."""
        least, most = area * height / width, height / (width * area)
        low, high = max(self.aspect[0], least), min(self.aspect[1], most)
        if low > high:
            raise ValueError(
                f"Expected `aspect` that fits into an image at an area of {area:g}, from {least:.3g} to {most:.3g}, "
                f"got {self.aspect[0]:.3g} to {self.aspect[1]:.3g}"
            )
        return low, high
