"""Where eyes, nose and mouth are in the images that maps are made of."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.alignment import declared_template
from datamodules.sources import ALIGNMENTS, FaceSource, FixedLandmarks

Points = NDArray[np.float32]
USUAL = "arcface"
MOST = 200
"""Images whose landmarks are looked at."""


def face_points(source: FaceSource, indices: NDArray[np.int64], side: int, alignment: str | None) -> Points:
    """Return the five landmarks of images of ``side`` pixels, ``(5, 2)`` x and y.

    Args:
        source: The faces.
        indices: Which of them.
        side: Height and width in pixels.
        alignment: Name of the alignment that the model takes. Without one it is what the faces' folder declares; else
            the mean of what the source knows; else the field's usual template.
    """
    root = getattr(source, "root", None)
    if alignment is None and isinstance(root, Path) and (found := declared_template(root)) is not None:
        alignment = found[1]
    if alignment is not None and alignment in ALIGNMENTS:
        return FixedLandmarks(alignment).scaled(side, side)
    known = []
    for index in indices[:MOST].tolist():
        points = source.landmarks(index)
        if points is not None:
            height, width = source.image(index).shape[:2]
            known.append(points * (side / width, side / height))
    return np.mean(known, 0, dtype=np.float32) if known else FixedLandmarks(USUAL).scaled(side, side)


def face_parts(points: Points) -> Mapping[str, tuple[float, float]]:
    """Return row and column of the parts of a face.

    Example:
        >>> face_parts(np.array([[38, 52], [74, 52], [56, 72], [42, 92], [70, 92]]))["between the eyes"]
        (52.0, 56.0)
    """
    left, right, nose, *mouth = (np.asarray(point, np.float64) for point in points)
    places = {
        "left eye": left,
        "right eye": right,
        "between the eyes": (left + right) / 2,
        "nose": nose,
        "mouth": (mouth[0] + mouth[1]) / 2,
        "forehead": (left + right) / 2 - 0.6 * ((mouth[0] + mouth[1]) / 2 - (left + right) / 2),
        "chin": (mouth[0] + mouth[1]) / 2 + 0.45 * ((mouth[0] + mouth[1]) / 2 - (left + right) / 2),
        "left cheek": (left + mouth[0]) / 2 + 0.2 * (left - right),
        "right cheek": (right + mouth[1]) / 2 + 0.2 * (right - left),
    }
    return {name: (float(at[1]), float(at[0])) for name, at in places.items()}
