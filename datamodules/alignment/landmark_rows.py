"""Rows of a landmark list in any of the forms that circulate: image path and numbers of each."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from datamodules.errors import DataError
from datamodules.sources.decode import IMAGE_EXTENSIONS

_PATH_NAMES = {"path", "image", "file", "filename", "file_name", "name", "image_id", "image_path"}
_BLANK_SEPARATED = re.compile(rf"\s*(.*?(?:{'|'.join(map(re.escape, IMAGE_EXTENSIONS))}))\s+(.*)", re.IGNORECASE)
_BEFORE_POINTS = {8: 0, 9: 1, 10: 0, 11: 1, 14: 4, 15: 5}
"""Fields after the path → how many of them, a label or a box or both, come before the points."""

_LARGEST = 1e38  # what float32 can hold

_KNOWN = (
    "8 (four points), 9 (label, four points), 10 (five points), 11 (label, five points), "
    "14 (box, five points) or 15 (label, box, five points)"
)

Fields = Sequence[str]


class LandmarkRow(NamedTuple):
    """One image of a list."""

    line: int
    image: str
    numbers: list[float]
    """8 or 10 coordinates in the order of the file."""


def read_landmark_rows(path: Path) -> Iterator[LandmarkRow]:
    """Yield the rows of a list; see ``docs/alignment.md`` for its forms.

    Raises:
        DataError: If the file cannot be read or its form is unknown, with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _parsed(path, _split(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a list of landmarks, got {error}") from None


def _split(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of every line that is not blank."""
    first = next((line for line in file if line.strip()), "")
    file.seek(0)
    delimiter = "\t" if "\t" in first else next((mark for mark in ",;" if first.count(mark) >= 8), None)
    if delimiter is None:
        lines = ((number, _split_blanks(text)) for number, text in enumerate(file, start=1))
    else:
        reader = csv.reader(file, delimiter=delimiter)
        lines = ((reader.line_num, [field.strip() for field in fields]) for fields in reader)
    for number, fields in lines:
        if any(fields):
            yield number, fields


def _split_blanks(text: str) -> list[str]:
    """Split at blanks, but not within a path, which ends like an image's.

    Example:
        >>> _split_blanks("my faces/Ada.jpg 7  1.5 2")
        ['my faces/Ada.jpg', '7', '1.5', '2']
    """
    match = _BLANK_SEPARATED.match(text)
    return [match[1], *match[2].split()] if match else text.split()


class _ListForm(NamedTuple):
    """Where in a row the path and the points are."""

    width: int
    image: int
    points: Sequence[int]


def _parsed(path: Path, lines: Iterator[tuple[int, list[str]]]) -> Iterator[LandmarkRow]:
    form, first = None, 0
    for line, plain in lines:
        where, fields = f"{path}: line {line}", _flat(plain)
        if not first and _is_header(fields):
            form, first = _by_header(fields), line
            continue
        if form is None:
            form, first = _by_count(where, fields), line
        if len(fields) != form.width:
            raise DataError(
                f"{where}: expected {form.width} fields as in line {first}, got {len(fields)}: {_short(fields)}"
            )
        yield LandmarkRow(line, fields[form.image], _coordinates(where, [fields[index] for index in form.points]))


def _is_header(fields: Fields) -> bool:
    return not any(is_image(field) or number(field) is not None for field in fields)


def _by_header(names: Fields) -> _ListForm | None:
    """Take the columns x1, y1 to x5, y5 (or to x4, y4), if the header has these names."""
    columns = {name.lower(): index for index, name in enumerate(names)}
    image = next((index for name, index in columns.items() if name in _PATH_NAMES), 0)
    for count in (5, 4):
        points = [columns.get(f"{axis}{i}", -1) for i in range(1, count + 1) for axis in "xy"]
        if min(points) >= 0:
            return _ListForm(len(names), image, points)
    return None


def _by_count(where: str, fields: Fields) -> _ListForm:
    """Tell by the number of fields what they are."""
    image = 1 if len(fields) > 1 and fields[0] in {"0", "1"} else 0
    if not is_image(fields[image]):
        raise DataError(
            f"{where}: expected an image path ({', '.join(IMAGE_EXTENSIONS)}), after 0 or 1 or first in its line, or a "
            f"header with path, x1, y1 to x5, y5, got {_short(fields)}"
        )
    count = len(fields) - image - 1
    if count not in _BEFORE_POINTS:
        raise DataError(f"{where}: expected {_KNOWN} fields after the path, got {count}; a header can name others")
    before = _BEFORE_POINTS[count]
    label = number(fields[image + 1])
    if before == 1 and label is not None and label % 1:
        raise DataError(f"{where}: expected a label, no fraction, before the points, got {label}; name it in a header")
    return _ListForm(len(fields), image, range(image + 1 + before, len(fields)))


def _flat(fields: Fields) -> list[str]:
    """Split fields of several numbers: lists separated by tabs may have blanks between coordinates."""
    flat: list[str] = []
    for field in fields:
        parts = field.split()
        flat.extend(parts if parts and all(number(part) is not None for part in parts) else [field])
    return flat


def is_image(name: str) -> bool:
    """Whether a name ends as an image's."""
    return name.lower().endswith(IMAGE_EXTENSIONS)


def number(text: str) -> float | None:
    """Return a finite number, or ``None``."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < _LARGEST else None  # NaN is not


def _coordinates(where: str, texts: Fields) -> list[float]:
    values = [value for text in texts if (value := number(text)) is not None]
    if len(values) != len(texts):
        raise DataError(f"{where}: expected {len(texts)} finite coordinates, got {_short(texts)}")
    return values


def _short(fields: Fields) -> str:
    return str(list(fields))[:400]
