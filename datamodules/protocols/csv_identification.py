"""Identification of probes in a gallery that a table lists."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datamodules.errors import DataError
from datamodules.protocols.copies import first_copies, tell_copies
from datamodules.protocols.delimited_table import find_files, path_below, read_table
from datamodules.protocols.file_list import FileList
from datamodules.protocols.joined_gallery import Join, joined_gallery
from datamodules.protocols.listed_pairs import refuse_missing
from datamodules.protocols.template_files import read_quality
from datamodules.seams.evaluation_protocol import EvaluationProtocol, Identification

_ALL = "all"
_ROLES = ("gallery", "probe", "stranger")


@dataclass(frozen=True)
class _Row:
    line: int
    path: str
    identity: str
    role: str
    condition: str
    quality: float | None = None

    @property
    def is_probe(self) -> bool:
        return self.role != "gallery"


def csv_identification(
    root: Path | str, table: Path | str, *, join: Join = "alone", allow_missing: bool = False
) -> EvaluationProtocol:
    """Gallery and probes from a table with the columns ``path``, ``identity``, ``role``, ``condition``, ``quality``.

    The last two are optional. Paths are relative to ``root``; ``role`` is ``gallery``, ``probe``, or ``stranger``, a
    probe of whom the gallery has nothing. A probe belongs to its condition, ``all`` if it names none; a gallery image
    to the condition that it names, to every one if it names none.

    Args:
        root: Folder of images.
        table: The table, see :func:`read_table`.
        join: What several gallery images of an identity are: each ``alone``, the most alike counts; or a template,
            their ``mean``, or by ``quality``, the column's or, without one, the embeddings' lengths.
        allow_missing: Leave out images that are not there, and probes of which no gallery image is left, and list
            them in the protocol.

    Returns:
        Protocol with the table's name.

    Raises:
        DataError: With the line, if the table or a value in it is malformed, a path leaves ``root``, an image
            has two identities or is listed twice in a condition, or the identity of a probe is not in the
            condition's gallery or that of a stranger is; or if an image is missing and may not be.
    """
    root, table = Path(root), Path(table)
    columns = ("path", "identity", "role"), ("condition", "quality")
    rows = [_row(table, line, row) for line, row in read_table(table, *columns)]
    identities = _identities(table, rows)
    conditions = _conditions(table, rows)
    for condition, listed in conditions.items():
        _check_once(table, condition, listed)
        _check_closed(table, condition, listed)
    files = find_files(root, identities.keys())
    if not allow_missing:
        refuse_missing(table, root, sorted(identities.keys() - files.keys()))
    left_out: dict[int, str] = {row.line: _left_out(row, "no image") for row in rows if row.path not in files}
    kept = {condition: _kept(listed, files, left_out) for condition, listed in conditions.items()}
    paths = sorted({row.path for listed in kept.values() for row in listed})
    identification = {condition: _indexed(table, condition, listed, paths) for condition, listed in kept.items()}
    source = FileList(root, paths, [identities[path] for path in paths])
    missing = [left_out[line] for line in sorted(left_out)]
    protocol = EvaluationProtocol(table.stem, source, {}, identification, missing)
    tell_copies(protocol, first_copies(source.files))
    quality = {row.path: row.quality for row in rows if row.quality is not None}
    return protocol if join == "alone" else joined_gallery(protocol, join, [quality.get(path) for path in paths])


def _row(table: Path, line: int, row: Mapping[str, str]) -> _Row:
    path, identity, role = path_below(table, line, row["path"]), row["identity"], row["role"].lower()
    if not identity:
        raise DataError(f"{table}: line {line}: expected an identity, got an empty field")
    if role not in _ROLES:
        has = "gallery, probe or stranger"
        raise DataError(f"{table}: line {line}: expected `role` to be {has}, got {row['role'][:80]!r}")
    quality = read_quality(table, line, row["quality"]) if row.get("quality") else None
    return _Row(line, path, identity, role, row.get("condition", ""), quality)


def _identities(table: Path, rows: Sequence[_Row]) -> dict[str, str]:
    """Identity of every image."""
    first: dict[str, _Row] = {}
    for row in rows:
        known = first.setdefault(row.path, row)
        if known.identity != row.identity:
            raise DataError(
                f"{table}: line {row.line}: expected one identity of {row.path}, "
                f"got {row.identity!r}, and {known.identity!r} in line {known.line}"
            )
    return {path: row.identity for path, row in first.items()}


def _conditions(table: Path, rows: Sequence[_Row]) -> dict[str, list[_Row]]:
    """Rows of every condition, in the order in which probes name them."""
    conditions = {row.condition or _ALL: list[_Row]() for row in rows if row.is_probe}
    if not conditions:
        raise DataError(f"{table}: expected at least one probe, got none")
    for row in rows:
        if row.condition and row.condition not in conditions:
            raise DataError(f"{table}: line {row.line}: expected a probe of condition {row.condition!r}, got none")
        for condition, listed in conditions.items():
            if (row.condition or _ALL) == condition or not (row.condition or row.is_probe):
                listed.append(row)
    return conditions


def _check_once(table: Path, condition: str, rows: Sequence[_Row]) -> None:
    lines: dict[str, int] = {}
    for row in rows:
        line = lines.setdefault(row.path, row.line)
        if line != row.line:
            raise DataError(
                f"{table}: line {row.line}: expected every image once in condition {condition!r}, "
                f"got {row.path} again, as in line {line}"
            )


def _check_closed(table: Path, condition: str, rows: Sequence[_Row]) -> None:
    enrolled = _enrolled(rows)
    for row in rows:
        if row.is_probe and (row.identity in enrolled) == (row.role == "stranger"):
            expected, got = ("no", "one") if row.role == "stranger" else ("a", "none")
            raise DataError(
                f"{table}: line {row.line}: expected {expected} gallery image of {row.identity!r} "
                f"in condition {condition!r}, got {got}"
            )


def _enrolled(rows: Sequence[_Row]) -> set[str]:
    return {row.identity for row in rows if not row.is_probe}


def _kept(rows: Sequence[_Row], files: Collection[str], left_out: dict[int, str]) -> list[_Row]:
    """Return the rows whose images are there; note in ``left_out`` the probes that lost their gallery images."""
    there = [row for row in rows if row.path in files]
    enrolled = _enrolled(there)
    lost = [row for row in there if row.role == "probe" and row.identity not in enrolled]
    left_out.update((row.line, _left_out(row, f"no gallery image of {row.identity!r} left")) for row in lost)
    return [row for row in there if row.line not in left_out]


def _left_out(row: _Row, reason: str) -> str:
    return f"line {row.line}: {'gallery image' if row.role == 'gallery' else row.role} {row.path}: {reason}"


def _indexed(table: Path, condition: str, rows: Sequence[_Row], paths: Sequence[str]) -> Identification:
    index = {path: number for number, path in enumerate(paths)}
    gallery, probes, strangers = ([index[row.path] for row in rows if row.role == role] for role in _ROLES)
    if not probes:
        raise DataError(f"{table}: expected a probe left in condition {condition!r}, got none")
    return Identification(*(np.array(indices, dtype=np.int64) for indices in (gallery, probes, strangers)))
