"""Landmarks of many images, from a list in one of the forms that circulate."""

import posixpath
import re
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datamodules.alignment.aligner import POINT_NAMES, FacePoints, face_template
from datamodules.alignment.landmark_rows import LandmarkRow, read_landmark_rows
from datamodules.alignment.transforms import misfit
from datamodules.errors import DataError

UNLIKE_A_FACE = 0.25
"""Misfit above which points in this order are no face's: right orders have a median of 0.02, wrong ones 0.35."""

_DRIVE = re.compile(r"[A-Za-z]:")


class LandmarkTable:
    """Four or five landmarks of each image, by its path with forward slashes.

    Whether a list has x1 y1 x2 y2 … or x1 x2 … y1 y2 … is told by the points: in one of both they are faces.
    They are also refused where they are in none, as where left and right are the person's.

    Args:
        path: The list; see ``docs/alignment.md`` for its forms.

    Raises:
        DataError: One line with the file and the line in it: if the form is unknown, an image is there twice,
            a path leaves its folder, or the points are no faces.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lines: dict[str, int] = {}
        numbers, width = array("f"), 0
        for row in read_landmark_rows(self.path):
            name = self._name(row)
            if name in self._lines:
                raise self._error(row.line, f"every image once, got {name!r} again, first in line {self._lines[name]}")
            self._lines[name] = row.line
            numbers.extend(row.numbers)
            width = len(row.numbers)
        if not self._lines:
            raise DataError(f"{self.path}: expected a row for each image, got none")
        self._rows = {name: index for index, name in enumerate(self._lines)}
        self._points = self._ordered(np.array(numbers, np.float32).reshape(-1, width))

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __contains__(self, name: str) -> bool:
        return name in self._lines

    def line(self, name: str) -> int:
        """Line of an image's row, from 1."""
        return self._lines[name]

    def landmarks(self, name: str) -> FacePoints | None:
        """Landmarks of an image, ``(5, 2)`` or ``(4, 2)``, or ``None`` where the list has none."""
        return self._points[self._rows[name]].copy() if name in self._rows else None

    def _name(self, row: LandmarkRow) -> str:
        """Return the path in one spelling."""
        text = row.image.replace("\\", "/")
        name = posixpath.normpath(text)
        if name.startswith(("/", "../")) or name in {".", ".."} or _DRIVE.match(name):
            raise self._error(row.line, f"a path below the folder of images, got {row.image!r}")
        return name

    def _ordered(self, numbers: FacePoints) -> FacePoints:
        count = numbers.shape[1] // 2
        pairs = numbers.reshape(-1, count, 2)
        orders = (pairs, numbers.reshape(-1, 2, count).swapaxes(1, 2))
        template = face_template("arcface", 112, count)
        for points in orders:
            if np.median(misfit(points, template)) <= UNLIKE_A_FACE:
                return np.ascontiguousarray(points)
        worst = int(np.argmax(misfit(pairs, template) > UNLIKE_A_FACE))
        raise self._error(
            list(self._lines.values())[worst],
            f"points in the order {', '.join(POINT_NAMES[count])} (left and right as seen; x and y of each, or all x "
            f"and then all y), got {pairs[worst].tolist()}, no face",
        )

    def _error(self, line: int, message: str) -> DataError:
        return DataError(f"{self.path}: line {line}: expected {message}")
