"""Segmentation of labelled photographs: a condition for all, for what covers the face, and for how much of it."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.conditions import REAL
from datamodules.seams.evaluation_protocol import EvaluationProtocol
from datamodules.seams.face_source import FaceSource
from datamodules.seams.label_maps import LabelMaps
from losses.label_map import FACE, IGNORE

ALL = "all"
BOUNDS = (0.1, 0.25, 0.5)
"""Of the bands of covered shares; each holds its upper bound."""
SHOWN = 10
"""Files that a message names."""


Indices = NDArray[np.int64]
Shares = NDArray[np.float64]


class _Looked(NamedTuple):
    share: float
    """Of the pixels that count, how many are covered."""
    complaint: str = ""


def labelled_images(source: FaceSource, name: str = "labelled") -> EvaluationProtocol:
    """Measure the segmentation of all images of a source against its label maps.

    Every label map is read once, so that broken ones show before anything is segmented. Conditions are ``all``; what
    covers the faces, ``real`` where nobody says what; and how much of what counts of a face is covered:
    ``covered 0 %``, ``covered 0-10 %``, ``10-25 %``, ``25-50 %``, ``50-100 %``. A face that nothing covers is in
    ``all`` and ``covered 0 %`` alone. Conditions without a face are left out.

    Args:
        source: The images; it has label maps, and perhaps ``kind(index)``, what covers an image.
        name: What a report calls the set.

    Raises:
        DataError: If the source has no label maps, one cannot be used (all such are told), or an occluder is called
            as other conditions are.
        ValueError: If the name is empty.

    Source: the bands are this suite's.
    """
    if not name.strip():
        raise ValueError("Expected a `name`, got none")
    if not isinstance(source, LabelMaps):
        raise DataError(f"{name}: expected images with label maps, got {type(source).__name__}, which has none")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looked = list(pool.map(lambda index: _look(source, index), range(len(source))))
    complaints = [found.complaint for found in looked if found.complaint]
    if complaints:
        raise DataError(f"{name}: {_said(complaints, len(looked))}")
    shares = np.array([found.share for found in looked])
    conditions = {condition: images for condition, images in (*_kinds(source, shares), *_bands(shares)) if len(images)}
    return EvaluationProtocol(name, source, segmentation={ALL: np.arange(len(shares)), **conditions})


def _look(source: FaceSource, index: int) -> _Looked:
    try:
        labels = source.label_map(index)  # type: ignore[attr-defined]  # it has
        if labels.shape != source.image(index).shape[:2]:
            raise DataError(f"{source.name(index)}: expected a label map of its image's size, got {labels.shape}")
    except DataError as error:
        return _Looked(0.0, str(error))
    counts = labels[labels != IGNORE]
    if not len(counts):
        return _Looked(0.0, f"{source.name(index)}: expected pixels that count in its label map, got none")
    return _Looked(float((counts != FACE).mean()))


def _kinds(source: FaceSource, shares: Shares) -> list[tuple[str, Indices]]:
    """Return the covered images by what covers them."""
    kind_of: Callable[[int], str] = getattr(source, "kind", lambda _: REAL)
    covered = np.flatnonzero(shares > 0)
    kinds = np.array([kind_of(int(index)) for index in covered], dtype=object)
    told = {*kinds.tolist()}
    for name in (ALL, *(band for band, _ in _bands(shares))):
        if name in told:
            image = source.name(int(covered[kinds == name][0]))
            raise DataError(f"{image}: expected its occluder called other than {name!r}, which stands for other images")
    return [(str(kind), covered[kinds == kind]) for kind in sorted(told)]


def _bands(shares: Shares) -> list[tuple[str, Indices]]:
    """Return the images by how much is covered."""
    bounds = (0.0, *BOUNDS, 1.0)
    bands = [("covered 0 %", np.flatnonzero(shares == 0))]
    for low, high in pairwise(bounds):
        images = np.flatnonzero((shares > low) & (shares <= high))
        bands.append((f"covered {100 * low:g}-{100 * high:g} %", images))
    return bands


def _said(complaints: Sequence[str], number: int) -> str:
    left = len(complaints) - SHOWN
    more = f"; and {left:,} others" if left > 0 else ""
    return f"expected images with label maps, {len(complaints)} of {number} cannot be used: " + (
        "; ".join(complaints[:SHOWN]) + more
    )
