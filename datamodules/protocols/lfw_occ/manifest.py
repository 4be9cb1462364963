"""``manifest.csv``: what covers each image of a made LFW-occ, and the hashes of what came of it."""

import csv
import re
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from datamodules.errors import DataError
from datamodules.protocols.lfw_occ.frozen_instances import pixels_hash
from datamodules.protocols.lfw_occ.pair_occluder import Drawing
from datamodules.seams.face_source import UInt8Image
from datamodules.whole_file import write_whole

MANIFEST = "manifest.csv"
SETTINGS = "manifest.json"
_NUMBER = re.compile(r"[0-9]{1,9}")
_HASH = re.compile(r"[0-9a-f]{64}")


class ManifestRow(NamedTuple):
    """One occluded image; several occluders are joined by ``+``, in the category's order."""

    pair: str
    """Number of the pair in its file, from 1."""
    fold: str
    """From 1."""
    image: str
    """Path of the original below LFW's root."""
    category: str
    instance: str
    """Number of the frozen instance, from 0."""
    geometry: str
    """``a b c d e f`` in 2⁻¹⁶: pixel (x, y) shows the point (a x + b y + c, d x + e y + f) of the instance."""
    seed: str
    covered: str
    """Share of the face that is covered."""
    sha256: str
    """Of the image's pixels: red, green, blue, row by row."""
    label_sha256: str
    """Of the label map: a byte of 0 or 1 a pixel, row by row."""
    original_sha256: str
    """Of the decoded original's pixels, before anything covers it."""

    @property
    def key(self) -> tuple[str, int]:
        """What names the image in its folder."""
        return self.category, int(self.pair)


ManifestRows = Mapping[tuple[str, int], ManifestRow]


def image_path(folder: Path, category: str, pair: int) -> Path:
    """Return where an occluded image lies."""
    return folder / category / f"{pair:04d}.png"


def label_path(folder: Path, category: str, pair: int) -> Path:
    """Return where its label map lies."""
    return folder / category / "labels" / f"{pair:04d}.png"


def row_of(
    item: tuple[int, int, str], category: str, seed: int, drawing: Drawing, original: UInt8Image, image: UInt8Image
) -> ManifestRow:
    """Describe an occluded image.

    Args:
        item: Number and fold of the pair, and path of its right image.
        category: Its condition.
        seed: Seed of the draws.
        drawing: What covers it.
        original: Its pixels before.
        image: Its pixels.
    """
    pair, fold, path = item
    return ManifestRow(
        str(pair),
        str(fold),
        path,
        category,
        "+".join(str(part.instance) for part in drawing.parts),
        "+".join(" ".join(map(str, part.matrix)) for part in drawing.parts),
        str(seed),
        drawing.share,
        pixels_hash(image),
        pixels_hash(drawing.label_map),
        pixels_hash(original),
    )


def write_manifest(path: Path, rows: Iterable[ManifestRow]) -> None:
    """Write rows so that ``path`` is either whole or as it was."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ManifestRow._fields)
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def read_manifest(path: Path) -> ManifestRows:
    """Read rows, by category and pair.

    Raises:
        DataError: With the line, if the file cannot be read or a row is malformed or there twice.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a manifest, got {error}") from None
    if not lines or tuple(lines[0]) != ManifestRow._fields:
        got = ",".join(lines[0])[:400] if lines else ""
        raise DataError(f"{path}: line 1: expected columns {','.join(ManifestRow._fields)}, got {got!r}")
    rows: dict[tuple[str, int], ManifestRow] = {}
    for line, fields in enumerate(lines[1:], start=2):
        row = _row(path, line, fields)
        if row.key in rows:
            raise DataError(
                f"{path}: line {line}: expected every image once, got {row.category}, pair {row.pair} again"
            )
        rows[row.key] = row
    return rows


def _row(path: Path, line: int, fields: list[str]) -> ManifestRow:
    well_formed = len(fields) == len(ManifestRow._fields)
    row = ManifestRow(*fields) if well_formed else None
    if row is None or not (_NUMBER.fullmatch(row.pair) and all(map(_HASH.fullmatch, row[-3:]))):
        raise DataError(
            f"{path}: line {line}: expected a pair's number, … and three SHA-256, got {','.join(fields)[:80]!r}"
        )
    return row
