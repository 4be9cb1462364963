"""Where in a photograph the face is: what its mask does not mark there covers it, the rest does not count."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource, UInt8Image
from losses.label_map import FACE, IGNORE, OCCLUDER

Pixels = NDArray[np.bool_]
"""``(H, W)`` bool."""


class Marks(NamedTuple):
    """What somebody has marked in a photograph, ``(H, W)`` bool each."""

    visible: Pixels | None = None
    """The visible face."""
    occluder: Pixels | None = None
    """What covers it."""
    others: Pixels | None = None
    """What is neither, such as hair."""


class FaceRegion(Protocol):
    """What finds the face."""

    def __call__(self, marks: Marks, source: FaceSource, index: int) -> Pixels:
        """Return the region of the face in image ``index``, covered or not, ``(H, W)``.

        Raises:
            DataError: If it cannot be found; the message names the image.
        """
        ...


def face_labels(marks: Marks, region: Pixels | None, name: str) -> UInt8Image:
    """Return the label map of a photograph.

    Of a set that marks the visible face, all else in the region of the face covers it; of one that marks what covers
    it, all else there is visible. What is marked as visible counts also outside of the region. All else is ignored.

    Args:
        marks: What is marked.
        region: Of the face; ``None`` is no more than what is marked.
        name: What messages call the image.

    Raises:
        DataError: If nothing is left that counts.

    Example:
        >>> visible, region = np.array([[True, False, False]]), np.array([[True, True, False]])
        >>> face_labels(Marks(visible), region, "a.png").tolist()
        [[0, 1, 255]]
        >>> face_labels(Marks(occluder=visible), region, "a.png").tolist()
        [[1, 0, 255]]
    """
    visible, occluder, others = marks
    known = next(part for part in marks if part is not None)
    labels = np.full(known.shape, IGNORE, np.uint8)
    if region is not None:
        labels[region] = FACE if visible is None else OCCLUDER
    if others is not None:
        labels[others] = IGNORE
    if visible is not None:
        labels[visible] = FACE
    if occluder is not None:
        labels[occluder if region is None else occluder & region] = OCCLUDER
    if not (labels != IGNORE).any():
        raise DataError(f"{name}: expected a face in its mask, got none: no pixel of it would count")
    return labels
