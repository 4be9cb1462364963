"""Verification of pairs that a table lists."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from datamodules.errors import DataError
from datamodules.protocols.delimited_table import find_files, path_below, read_table
from datamodules.protocols.listed_pairs import ALL, ListedPair, check_pairs_differ, pairs_protocol
from datamodules.seams.conditions import check_conditions
from datamodules.seams.evaluation_protocol import EvaluationProtocol

_ANSWERS = {"1": True, "true": True, "0": False, "false": False}
_COLUMNS = ("first", "second", "same"), ("fold", "condition")
_MAX_DIGITS = 9


def csv_pairs(root: Path | str, table: Path | str, *, allow_missing: bool = False) -> EvaluationProtocol:
    """Pairs of images from a table with the columns ``first``, ``second``, ``same``, ``fold`` and ``condition``.

    The last two are optional. Paths are relative to ``root``; ``same`` is 1, 0, true or false; folds are whole numbers,
    taken in ascending order; a pair that names a condition, such as ``masked-unmasked``, is of that
    one, too. Who is shown is not known: each image counts as an identity of its own.

    Args:
        root: Folder of images.
        table: The table, see :func:`read_table`.
        allow_missing: Leave pairs out whose image is not there, and list them in the protocol.

    Returns:
        Protocol with the table's name, the condition ``all`` and those that the table names.

    Raises:
        DataError: With the line, if the table or a value in it is malformed, a path leaves ``root``, a pair is
            listed twice or is one image twice; or if an image is missing and may not be.
    """
    root, table = Path(root), Path(table)
    pairs = [_pair(table, line, row) for line, row in read_table(table, *_COLUMNS)]
    check_pairs_differ(table, pairs)
    numbers = np.unique([pair.fold for pair in pairs])
    pairs = [replace(pair, fold=int(np.searchsorted(numbers, pair.fold))) for pair in pairs]
    files = find_files(root, {image for pair in pairs for image in (pair.first, pair.second)})
    return pairs_protocol(table.stem, table, root, pairs, files, identity=str, allow_missing=allow_missing)


def _pair(table: Path, line: int, row: Mapping[str, str]) -> ListedPair:
    first, second = (path_below(table, line, row[column]) for column in ("first", "second"))
    same, fold = _ANSWERS.get(row["same"].lower()), row.get("fold", "0")
    if same is None:
        raise DataError(f"{table}: line {line}: expected `same` to be 1, 0, true or false, got {row['same'][:80]!r}")
    if not (fold.isascii() and fold.isdigit() and len(fold) <= _MAX_DIGITS):
        raise DataError(f"{table}: line {line}: expected `fold` to be a whole number, got {fold[:80]!r}")
    return ListedPair(line, first, second, same, int(fold), _condition(table, line, row.get("condition", "")))


def _condition(table: Path, line: int, name: str) -> str:
    try:
        check_conditions([name] if name else [])
    except ValueError as error:
        raise DataError(f"{table}: line {line}: {str(error).replace('Expected', 'expected', 1)}") from None
    if name == ALL:
        raise DataError(
            f"{table}: line {line}: expected a condition named other than {ALL}, which is that of all pairs"
        )
    return name
