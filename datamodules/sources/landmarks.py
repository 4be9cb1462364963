"""Where the five landmarks of a face come from: a template, a table, or the source itself."""

import csv
import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource, Landmarks

Points = Sequence[Sequence[float]]
"""Five (x, y) in pixels: left eye, right eye, nose tip, left and right mouth corner, as seen."""


_NAMES = ("path", "image", "file", "filename", "file_name", "name", "image_id", "image_path", "key")
_LARGEST = 1e38  # what float32 can hold


class _Form(NamedTuple):
    """Where in a row of a table the name and the coordinates are, and how many fields it has."""

    width: int
    name: int
    points: Sequence[int]


@dataclass(frozen=True)
class Alignment:
    """Where the landmarks lie in images that were all aligned or cropped in one way.

    Attributes:
        points: Five (x, y) in pixels.
        size: Height and width of the image they refer to, in pixels.
    """

    points: Points
    size: tuple[int, int]


ALIGNMENTS: Mapping[str, Alignment] = MappingProxyType(
    {
        # The template that InsightFace's packs are warped to.
        "arcface": Alignment(
            ((38.29, 51.70), (73.53, 51.50), (56.03, 71.74), (41.55, 92.37), (70.73, 92.20)), (112, 112)
        ),
        # Means over pixels 50 to 200 of deep-funneled LFW, resized to 112; single faces lie within about 4.
        "lfw": Alignment(((40.9, 46.7), (71.0, 46.1), (55.9, 64.6), (43.0, 80.0), (69.9, 79.7)), (112, 112)),
    }
)
"""Named templates of :class:`FixedLandmarks`."""


@runtime_checkable
class LandmarkSource(Protocol):
    """Anything that finds the landmarks of an image of a source."""

    def __call__(self, source: FaceSource, index: int, height: int, width: int) -> Landmarks:
        """Landmarks of image ``index``, which is ``height`` by ``width`` pixels.

        Raises:
            DataError: If there are none; the message names the image.
        """
        ...


class FixedLandmarks:
    """The same landmarks for every image, scaled linearly to its height and width: for aligned images.

    Args:
        points: Name of one of ``ALIGNMENTS``, or five (x, y) in pixels.
        size: Height and width of the image that ``points`` refer to; given with points, not with a name.

    Raises:
        ValueError: If the name is unknown, the points are not five finite pairs, or the size does not fit.

    Example:
        >>> FixedLandmarks("arcface").scaled(height=56, width=112)[0].tolist()
        [38.290000915527344, 25.850000381469727]
    """

    def __init__(self, points: str | Points, size: tuple[int, int] | None = None) -> None:
        alignment = _named(points, size) if isinstance(points, str) else _given(points, size)
        self.points: NDArray[np.float64] = np.asarray(alignment.points, dtype=np.float64)  # (5, 2)
        self.size = alignment.size

    def scaled(self, height: int, width: int) -> Landmarks:
        """The landmarks in an image of ``height`` by ``width`` pixels, ``(5, 2)``."""
        return (self.points * (width / self.size[1], height / self.size[0])).astype(np.float32)

    def __call__(self, source: FaceSource, index: int, height: int, width: int) -> Landmarks:
        """See :class:`LandmarkSource`."""
        return self.scaled(height, width)


class CsvLandmarks:
    """Landmarks from a table: rows of image name, then x1, y1 to x5, y5 in pixels of that image.

    Fields are separated by tabs, commas or semicolons, whichever the first line has most of. The first line is a header
    if none of its coordinates is a number; where it has the names x1, y1 to x5, y5, columns may be in any order and
    others among them. Names are the source's, such as ``<identity>/<image>``, with slashes or backslashes.

    Args:
        path: The file.

    Raises:
        DataError: If the file cannot be read, or a row is not a new name and ten finite numbers.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._rows: dict[str, int] = {}
        points = array("f")  # half a million rows as lists of numbers would weigh 200 MB
        for line, name, coordinates in _table(self.path):
            if _plain(name) in self._rows:
                raise DataError(f"{self.path}: line {line}: expected every image once, got {name[:200]!r} again")
            self._rows[_plain(name)] = len(self._rows)
            points.extend(coordinates)
        self._points: Landmarks = np.array(points, dtype=np.float32).reshape(-1, 5, 2)

    def __len__(self) -> int:
        return len(self._rows)

    def __call__(self, source: FaceSource, index: int, height: int, width: int) -> Landmarks:
        """See :class:`LandmarkSource`."""
        name = source.name(index)
        row = self._rows.get(_plain(name))
        if row is None:
            raise DataError(f"{self.path}: expected a row for image {name!r}, got none in {len(self)} rows")
        landmarks: Landmarks = self._points[row].copy()
        return landmarks


class SourceLandmarks:
    """The source's own landmarks where it knows them, else those of a fallback.

    Args:
        fallback: Asked for images without landmarks; without one they are refused.
    """

    def __init__(self, fallback: LandmarkSource | None = None) -> None:
        self.fallback = fallback

    def __call__(self, source: FaceSource, index: int, height: int, width: int) -> Landmarks:
        """See :class:`LandmarkSource`."""
        landmarks = source.landmarks(index)
        if landmarks is not None:
            return landmarks
        if self.fallback is None:
            raise DataError(f"{source.name(index)}: expected landmarks from {type(source).__name__}, got none")
        return self.fallback(source, index, height, width)


def _named(name: str, size: tuple[int, int] | None) -> Alignment:
    if name not in ALIGNMENTS:
        raise ValueError(f"Expected `points` to be one of {sorted(ALIGNMENTS)} or five (x, y), got {name!r}")
    if size is not None:
        raise ValueError(f"Expected no `size` with {name!r}, which has its own, got {size}")
    return ALIGNMENTS[name]


def _given(points: Points, size: tuple[int, int] | None) -> Alignment:
    lengths = [len(point) for point in points]
    if lengths != [2] * 5 or not all(math.isfinite(value) for point in points for value in point):
        raise ValueError(f"Expected `points` to be five finite (x, y), got {points}")
    if size is None or len(size) != 2 or min(size) < 1:
        raise ValueError(f"Expected `size` to be the height and width that `points` refer to, got {size}")
    return Alignment(points, size)


def _plain(name: str) -> str:
    """Return one spelling of a path."""
    return name.replace("\\", "/").removeprefix("./")


def _table(path: Path) -> Iterator[tuple[int, str, list[float]]]:
    """Yield line number, image name and ten coordinates of every row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.reader(file, delimiter=max("\t,;", key=first.count))
            form: _Form | None = None
            for plain in reader:
                fields = [field.strip() for field in plain]
                if not any(fields):
                    continue
                if form is None:
                    form = _form(fields)
                    if _is_header(fields):
                        continue
                yield reader.line_num, fields[form.name], _coordinates(f"{path}: line {reader.line_num}", fields, form)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table of landmarks, got {error}") from None


def _is_header(fields: Sequence[str]) -> bool:
    return len(fields) > 1 and all(_number(field) is None for field in fields[1:])


def _form(first: Sequence[str]) -> _Form:
    """Find name and coordinates where the first line names them all, else in eleven columns in this order."""
    columns = {name.lower(): index for index, name in enumerate(first)}
    points = [columns.get(f"{axis}{point}", -1) for point in range(1, 6) for axis in "xy"]
    if min(points) < 0:
        return _Form(11, 0, range(1, 11))
    return _Form(len(first), next((columns[name] for name in _NAMES if name in columns), 0), points)


def _coordinates(where: str, fields: Sequence[str], form: _Form) -> list[float]:
    chosen = [_number(fields[index]) for index in form.points] if len(fields) == form.width else []
    numbers = [number for number in chosen if number is not None and abs(number) < _LARGEST]
    if len(numbers) != 10:
        raise DataError(f"{where}: expected an image name and ten finite numbers, got {str(fields)[:200]}")
    return numbers


def _number(field: str) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None
