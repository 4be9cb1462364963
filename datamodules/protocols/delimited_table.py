"""Tables of people's own data: a header, and fields separated by commas, semicolons or tabs."""

import csv
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from datamodules.errors import DataError

_DELIMITERS = ",;\t"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def read_table(
    path: Path, required: Collection[str], optional: Collection[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and fields by column of every row; lines without a field are passed over.

    The first of them names the columns, in any order and in upper or lower case. The delimiter is the one that
    separates them. Blanks around a field are no part of it.

    Raises:
        DataError: With the line, if the file cannot be read, a column is missing, unknown or there twice, a row
            has another number of fields, or there is no row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first, text = next(((line, text) for line, text in enumerate(file, start=1) if text.strip()), (1, ""))
            columns, delimiter = _header(f"{path}: line {first}", text, required, optional)
            reader, rows = csv.reader(file, delimiter=delimiter, strict=True), 0
            for plain in reader:
                line, fields = reader.line_num + first, [field.strip() for field in plain]
                if not any(fields):
                    continue
                if len(fields) != len(columns):
                    raise DataError(f"{path}: line {line}: expected {len(columns)} fields, got {len(fields)}")
                rows += 1
                yield line, dict(zip(columns, fields, strict=True))
    except OSError as error:
        raise DataError(f"{path}: expected a table, got {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a table in UTF-8, got other bytes") from None
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num + first}: expected a row of a table, got {error}") from None
    if not rows:
        raise DataError(f"{path}: expected rows below the header, got none")


def _header(where: str, line: str, required: Collection[str], optional: Collection[str]) -> tuple[list[str], str]:
    """Return columns and delimiter."""
    for delimiter in _DELIMITERS:
        columns = [name.strip().strip('"').lower() for name in line.split(delimiter)]
        known = {*required, *optional}
        if set(required) <= set(columns) <= known and len(set(columns)) == len(columns):
            return columns, delimiter
    may = f" and optionally {', '.join(optional)}" if optional else ""
    got = line.strip()[:80]
    raise DataError(f"{where}: expected a header with the columns {', '.join(required)}{may}, got {got!r}")


def path_below(table: Path, line: int, path: str) -> str:
    """Return a path of a table, with slashes or backslashes, in its plainest form.

    Raises:
        DataError: If it is empty, absolute or goes up by ``..``.
    """
    parts = PurePosixPath(path.replace("\\", "/"))
    if not parts.parts or parts.is_absolute() or _DRIVE.match(path) or ".." in parts.parts or "\0" in path:
        raise DataError(f"{table}: line {line}: expected a path below the root, got {path[:80]!r}")
    return parts.as_posix()


def find_files(root: Path, paths: Collection[str]) -> dict[str, str]:
    """Return those of the paths below ``root`` at which there is a file, each by itself."""
    return {path: path for path in paths if _is_file(root / path)}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # for instance a name that is too long
        return False
