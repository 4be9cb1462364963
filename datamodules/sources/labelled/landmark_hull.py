"""The region of a face from its outline: the hull of as many landmarks as somebody has."""

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.labelled.face_region import Marks, Pixels
from datamodules.sources.labelled.mask_hull import hull

Points = NDArray[np.float64]


class LandmarkHull:
    """Takes the convex hull of an image's landmarks for the face, such as COFW's 29 or the usual 68.

    Args:
        table: CSV file: a row for every image, its name, then x1, y1, x2, y2 and so on in its pixels, at least three
            points, in every row as many; a header line, whose coordinates are no numbers, is passed over. Fields are
            separated by commas, semicolons or tabs, and a name may lack its extension.
        scale: Factor on the distances from the points' mean: above 1 where they leave the forehead out.

    Raises:
        ValueError: If ``scale`` is not positive.
        DataError: If the table cannot be read, or a row is not a new name and finite coordinates.
    """

    def __init__(self, table: Path | str, scale: float = 1.0) -> None:
        if not 0.0 < scale < float("inf"):
            raise ValueError(f"Expected a positive `scale`, got {scale}")
        self.table = Path(table)
        self.scale = scale
        self._points = _read(self.table)

    def __call__(self, marks: Marks, source: FaceSource, index: int) -> Pixels:
        """See :class:`~.face_region.FaceRegion`."""
        name, shape = source.name(index), next(part for part in marks if part is not None).shape
        points = self._points.get(name, self._points.get(_stem(name)))
        if points is None:
            raise DataError(f"{self.table}: expected a row for image {name!r}, got none in {len(self._points)} rows")
        centre = points.mean(0)
        return hull(centre + self.scale * (points - centre), shape)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _read(path: Path) -> dict[str, Points]:
    found: dict[str, Points] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.reader(file, delimiter=max("\t,;", key=first.count))
            for row in reader:
                name, *fields = [field.strip() for field in row] or [""]
                if not any((name, *fields)) or (not found and not any(map(_is_number, fields))):
                    continue  # an empty line, or a header
                name = name.replace("\\", "/")
                if name in found:
                    raise DataError(f"{path}: line {reader.line_num}: expected every image once, got {name!r} again")
                found[name] = _points(fields, found, f"{path}: line {reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of landmarks, got {error}") from None
    if not found:
        raise DataError(f"{path}: expected rows of landmarks, got none")
    return found


def _points(fields: list[str], found: dict[str, Points], where: str) -> Points:
    numbers = [float(field) for field in fields if _is_number(field)]
    wanted = 2 * len(next(iter(found.values()))) if found else max(6, len(fields) - len(fields) % 2)
    if len(numbers) != len(fields) or len(numbers) != wanted:
        raise DataError(f"{where}: expected a name and {wanted} finite coordinates, got {str(fields)[:120]}")
    return np.array(numbers).reshape(-1, 2)


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field)) and abs(float(field)) < 1e6
    except ValueError:
        return False
