"""A curriculum of occluders: more faces are covered, and more of each, from epoch to epoch."""

from math import isfinite

import numpy as np

from datamodules.least import check_least
from datamodules.occluders.occluder import Occluded, Occluder
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_source import Landmarks, UInt8Image

Growth = tuple[float, float]
"""At the first and at the last epoch of a curriculum."""


class PartialOccluder:
    """Covers some faces, each with a part of an occluder.

    The part is what of the occluder lies within a window of its bounding box, ``size`` times as high and as wide, put
    uniformly; elsewhere image and label map are those of the clean face.

    Args:
        occluder: What covers a face; it must say what it has covered.
        share: Probability that a face is covered at all.
        size: Height and width of the window, as a share of the occluder's.
    """

    def __init__(self, occluder: Occluder, share: float, size: float) -> None:
        self.occluder = occluder
        self.share = share
        self.size = size

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Return a copy of ``image``, covered or not, and its label map; see :class:`Occluder`."""
        copy, clean = np.array(image, order="C"), np.zeros(image.shape[:2], np.uint8)
        if generator.random() >= self.share:
            return Occluded(copy, clean, CLEAN)
        whole = self.occluder(image, landmarks, generator)
        if self.size == 1 or not whole.mask.any():
            return whole
        window = tuple(_part(np.flatnonzero(whole.mask.any(axis)), self.size, generator) for axis in (1, 0))
        copy[window], clean[window] = whole.image[window], whole.mask[window]
        return Occluded(copy, clean, whole.occluder)


class Curriculum:
    """Covers few faces, and little of them, in the first epoch, and more in each until ``epochs`` are over.

    Share and size grow in equal steps; from the last of the epochs on they stay as they are, and so they are in
    validation. What is drawn for a face stays a function of (seed, epoch, index).

    Source: Bengio et al. (2009), Curriculum learning, https://doi.org/10.1145/1553374.1553380.

    Args:
        occluder: What covers a face; a mixture with ``none`` in it covers as many fewer.
        epochs: Over how many epochs share and size grow.
        share: First and last probability that a face is covered, in [0, 1].
        size: First and last height and width of the part of the occluder that is shown, as a share of its own, in
            (0, 1].

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> from datamodules.occluders import RandomErasing
        >>> curriculum = Curriculum(RandomErasing(), epochs=5, share=(0.2, 1.0))
        >>> [round(curriculum.at_epoch(epoch).share, 1) for epoch in range(7)]
        [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0]
    """

    def __init__(
        self, occluder: Occluder, *, epochs: int, share: Growth = (0.2, 0.8), size: Growth = (0.3, 1.0)
    ) -> None:
        check_least(1, epochs=epochs)
        if not all(isfinite(value) and 0 <= value <= 1 for value in share):
            raise ValueError(f"Expected `share` as first and last in [0, 1], got {share[0]} and {share[1]}")
        if not all(isfinite(value) and 0 < value <= 1 for value in size):
            raise ValueError(f"Expected `size` as first and last in (0, 1], got {size[0]} and {size[1]}")
        self.occluder = occluder
        self.epochs = epochs
        self.share = share
        self.size = size

    def at_epoch(self, epoch: int) -> PartialOccluder:
        """Return what covers the faces of an epoch, counted from 0."""
        done = min(1.0, epoch / (self.epochs - 1)) if self.epochs > 1 else 1.0
        share, size = ((1 - done) * first + done * last for first, last in (self.share, self.size))
        return PartialOccluder(self.occluder, share, size)

    def __call__(self, image: UInt8Image, landmarks: Landmarks, generator: np.random.Generator) -> Occluded:
        """Cover a face as in the last epoch; see :class:`Occluder`."""
        return self.at_epoch(self.epochs)(image, landmarks, generator)


def _part(covered: np.ndarray[tuple[int], np.dtype[np.intp]], size: float, generator: np.random.Generator) -> slice:
    """Return a part of the rows, or columns, from the first to the last that is covered."""
    first, length = int(covered[0]), int(covered[-1] - covered[0] + 1)
    shown = max(1, round(size * length))
    start = first + int(generator.integers(length - shown + 1))
    return slice(start, start + shown)
