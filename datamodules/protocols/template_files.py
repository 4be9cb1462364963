"""The lists of the IJB protocols: which images make a template, which templates are compared, whom they show."""

import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.protocols.delimited_table import path_below

Integers = NDArray[np.int64]


class TemplateRows(NamedTuple):
    """A row for each image of a template."""

    image: list[str]
    template: Integers
    medium: Integers
    quality: NDArray[np.float64] | None


class TemplatePairs(NamedTuple):
    """Numbers of two templates, and whether they show one identity, ``(N,)`` each."""

    first: Integers
    second: Integers
    same: NDArray[np.bool_]


def read_template_rows(path: Path) -> TemplateRows:
    """Read lines of ``image template medium``, and optionally ``quality``: ``ijbc_face_tid_mid.txt``.

    Raises:
        DataError: With the line, if one is another, or there is none.
    """
    images: list[str] = []
    numbers: list[tuple[int, int]] = []
    qualities: list[float] = []
    for line, fields in _lines(path):
        if len(fields) not in (3, 4) or not (fields[1].isdecimal() and fields[2].isdecimal()):
            raise DataError(f"{path}: line {line}: expected `image template medium`, got {' '.join(fields)[:80]!r}")
        if images and (len(fields) == 4) != bool(qualities):
            raise DataError(f"{path}: line {line}: expected as many fields as before, got {len(fields)}")
        images.append(path_below(path, line, fields[0]))
        numbers.append((int(fields[1]), int(fields[2])))
        qualities += [read_quality(path, line, text) for text in fields[3:]]
    if not images:
        raise DataError(f"{path}: expected lines of `image template medium`, got none")
    template, medium = np.array(numbers, dtype=np.int64).T
    return TemplateRows(images, template, medium, np.array(qualities) if qualities else None)


def read_template_pairs(path: Path) -> TemplatePairs:
    """Read lines of ``template template label``, label 1 or 0: ``ijbc_template_pair_label.txt``.

    Raises:
        DataError: With the line, if one is another, or there is none.
    """
    try:
        with path.open(encoding="utf-8") as file, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="loadtxt: input contained no data")
            rows = np.loadtxt(file, dtype=np.int64, comments=None, ndmin=2)
    except OSError as error:
        raise DataError(f"{path}: expected a list, got {error.strerror}") from None
    except (ValueError, OverflowError):  # also other bytes than UTF-8
        rows = None
    if rows is not None and not len(rows):
        raise DataError(f"{path}: expected lines of `template template label`, got none")
    if rows is None or rows.shape[1] != 3 or not np.isin(rows[:, 2], (0, 1)).all() or rows.min() < 0:
        raise _first_wrong_pair(path)
    return TemplatePairs(rows[:, 0], rows[:, 1], rows[:, 2] == 1)


def line_of_pair(path: Path, number: int) -> int:
    """Return the line of a list's pair, counted from 0: blank lines are none."""
    return next(line for place, (line, _) in enumerate(_lines(path)) if place == number)


def read_template_subjects(path: Path) -> dict[int, tuple[int, int]]:
    """Read a table with columns ``TEMPLATE_ID`` and ``SUBJECT_ID``, a row or several a template.

    Returns:
        Subject, and the line that says so, by template: ``ijbc_1N_gallery_G1.csv``.

    Raises:
        DataError: With the line, if a row is another, a template shows two subjects, or there is none.
    """
    found: dict[int, tuple[int, int]] = {}
    columns: list[int] = []
    for line, fields in _lines(path, delimiter=","):
        if not columns:
            names = [name.upper() for name in fields]
            if not {"TEMPLATE_ID", "SUBJECT_ID"} <= set(names):
                got = ",".join(fields)[:80]
                raise DataError(f"{path}: line {line}: expected columns TEMPLATE_ID and SUBJECT_ID, got {got!r}")
            columns = [names.index("TEMPLATE_ID"), names.index("SUBJECT_ID")]
            continue
        values = [fields[column] if column < len(fields) else "" for column in columns]
        if not all(value.isdecimal() for value in values):
            raise DataError(f"{path}: line {line}: expected numbers of a template and its subject, got {values}")
        template, subject = map(int, values)
        known, before = found.setdefault(template, (subject, line))
        if known != subject:
            raise DataError(
                f"{path}: line {line}: expected one subject of template {template}, got {subject}, "
                f"and {known} in line {before}"
            )
    if not found:
        raise DataError(f"{path}: expected templates and their subjects, got none")
    return found


def _lines(path: Path, delimiter: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of every line that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", newline=None) as file:
            if delimiter is None:
                rows: Iterator[list[str]] = (text.split() for text in file)
            else:
                rows = ([field.strip() for field in row] for row in csv.reader(file, delimiter=delimiter))
            for line, fields in enumerate(rows, start=1):
                if any(fields):
                    yield line, fields
    except OSError as error:
        raise DataError(f"{path}: expected a list, got {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a list in UTF-8, got other bytes") from None
    except csv.Error as error:
        raise DataError(f"{path}: expected a table, got {error}") from None


def read_quality(path: Path, line: int, text: str) -> float:
    """Return the quality that a list gives an image.

    Raises:
        DataError: With the line, if it is none.
    """
    try:
        quality = float(text)
    except ValueError:
        quality = np.nan
    if not 0 <= quality < np.inf:
        raise DataError(f"{path}: line {line}: expected a quality of at least 0, got {text[:80]!r}")
    return quality


def _first_wrong_pair(path: Path) -> DataError:
    for line, fields in _lines(path):
        if len(fields) != 3 or not all(text.isdecimal() for text in fields) or fields[2] not in ("0", "1"):
            got = " ".join(fields)[:80]
            return DataError(f"{path}: line {line}: expected `template template label`, label 0 or 1, got {got!r}")
    return DataError(f"{path}: expected numbers of templates of 64 bits, got larger ones")
