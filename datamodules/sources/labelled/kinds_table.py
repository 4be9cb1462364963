"""What covers which face, as a table says."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

from datamodules.errors import DataError
from datamodules.seams.conditions import REAL, check_conditions
from datamodules.sources.labelled.partners import listed, without_extension

COLUMNS = ("image", "occluder")


def read_kinds(table: Path | str | None, stems: Iterable[str]) -> Callable[[str], str]:
    """Return a function from an image's stem to what covers it; what a table does not name is ``real``.

    Args:
        table: CSV file with a header and the columns ``image``, a path or name with or without extension, and
            ``occluder``, such as ``hand``; others are passed over. ``None`` names nothing.
        stems: Of the images that there are.

    Raises:
        DataError: If it cannot be read, a column is missing, an image is named twice or is not there, or an occluder
            is called as something else that measures are told by.
    """
    found: dict[str, str] = {}
    if table is None:
        return lambda stem: REAL
    try:
        with Path(table).open(encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(",;\t", key=first.count))
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise DataError(f"{table}: expected the columns {', '.join(COLUMNS)}, got {first.strip()[:80]!r}")
            for row in reader:
                image, kind = ((row[column] or "").strip() for column in COLUMNS)
                _add(found, image.replace("\\", "/"), kind, f"{table}: line {reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: expected a table of occluders, got {error}") from None
    known = {name for stem in stems for name in (stem, stem.rpartition("/")[2])}
    if absent := [name for name in found if name not in known]:
        raise DataError(f"{table}: expected images that are there, got {len(absent)} that are not: {listed(absent)}")

    def kind_of(stem: str) -> str:
        return found.get(stem, found.get(stem.rpartition("/")[2], REAL))

    return kind_of


def _add(found: dict[str, str], image: str, kind: str, where: str) -> None:
    stem = without_extension(image)
    if not image or stem in found:
        raise DataError(f"{where}: expected every image once, got {image!r}{' again' if image else ''}")
    try:
        check_conditions([kind])
    except ValueError as error:
        raise DataError(f"{where}: {str(error).replace('Expected', 'expected', 1)}") from None
    found[stem] = kind
