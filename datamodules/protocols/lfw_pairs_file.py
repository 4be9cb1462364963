"""The format in which Labeled Faces in the Wild lists its pairs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from datamodules.errors import DataError
from datamodules.protocols.listed_pairs import ListedPair, check_pairs_differ

_FOLDS = 10
_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}")


def read_lfw_pairs(path: Path) -> list[ListedPair]:
    """Read ``pairs.txt``, ``pairsDevTrain.txt`` or ``pairsDevTest.txt``; images are named ``Name/Name_0001``.

    Fields are separated by tabs, or else by commas, or else by blanks; empty lines are passed over.

    * ``name n1 n2`` is a matching pair, ``name1 n1 name2 n2`` a mismatching one.
    * A header ``folds n`` tells that every fold has n matching and n mismatching pairs.
    * A header ``n`` tells the same of a file without folds or with 10.
    * A header of names, such as ``name,imagenum1,imagenum2``, tells nothing.
    * Without a header there are 10 folds of equal size, each with as many matching as mismatching pairs, or
      none, if the first half of all pairs matches and the second does not. Copies of ``pairs.txt`` without
      its header keep its order.

    Raises:
        DataError: With the line, if the file cannot be read, a line is malformed, a pair is listed twice or is
            one image twice, or the numbers of pairs are others than the header tells.
    """
    lines = list(_fields(path))
    if lines and len(lines[0][1]) >= 3 and not any(map(_NUMBER.fullmatch, lines[0][1])):
        lines.pop(0)  # names of columns
    header = lines.pop(0) if lines and len(lines[0][1]) < 3 else None
    pairs = [_pair(path, line, fields) for line, fields in lines]
    if not pairs:
        raise DataError(f"{path}: expected a list of pairs, got none")
    check_pairs_differ(path, pairs)
    folds = _folds_without_header(path, pairs) if header is None else _folds_of_header(path, *header, len(pairs))
    size = len(pairs) // folds
    pairs = [replace(pair, fold=number // size) for number, pair in enumerate(pairs)]
    _check_halves(path, pairs, size)
    return pairs


def read_pair_lines(path: Path) -> list[ListedPair]:
    """Read pairs of the same form without a header, in whatever number and order, each as often as it is listed.

    Raises:
        DataError: With the line, if the file cannot be read, a line is malformed, or there is none.
    """
    pairs = [_pair(path, line, fields) for line, fields in _fields(path)]
    if not pairs:
        raise DataError(f"{path}: expected a list of pairs, got none")
    return pairs


def _fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of every line that is not empty."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, start=1):
                if text.strip():
                    separator = next((mark for mark in "\t," if mark in text.strip()), None)
                    fields = [field.strip() for field in text.strip().split(separator)]
                    yield line, fields if separator != "," else [field for field in fields if field]
    except OSError as error:
        raise DataError(f"{path}: expected a list of pairs, got {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected a list of pairs in UTF-8, got other bytes") from None


def _pair(path: Path, line: int, fields: list[str]) -> ListedPair:
    names, numbers = (fields[::2], fields[1::2]) if len(fields) == 4 else (fields[:1] * 2, fields[1:])
    well_formed = len(fields) in (3, 4) and all(_NUMBER.fullmatch(number) for number in numbers)
    if not well_formed or any(_leaves_its_folder(name) for name in names):
        raise DataError(
            f"{path}: line {line}: expected `name n1 n2` or `name1 n1 name2 n2`, got {' '.join(fields)[:80]!r}"
        )
    if len(fields) == 4 and names[0] == names[1]:
        raise DataError(
            f"{path}: line {line}: expected a mismatching pair to name two identities, got {names[0]!r} twice"
        )
    first, second = (f"{name}/{name}_{int(number):04d}" for name, number in zip(names, numbers, strict=True))
    return ListedPair(line, first, second, same=len(fields) == 3)


def _leaves_its_folder(name: str) -> bool:
    return name in ("", ".", "..") or any(character in name for character in "/\\\0")


def _folds_of_header(path: Path, line: int, fields: Sequence[str], pairs: int) -> int:
    """Return the number of folds, once the number of pairs is what the header tells."""
    if not all(_NUMBER.fullmatch(field) for field in fields):
        raise DataError(f"{path}: line {line}: expected a header `folds pairs`, got {' '.join(fields)[:80]!r}")
    half = int(fields[-1])
    choices = (int(fields[0]),) if len(fields) == 2 else (1, _FOLDS)
    for folds in choices:
        if pairs == 2 * half * folds:
            return folds
    expected = " or ".join(str(2 * half * folds) for folds in choices)
    raise DataError(f"{path}: expected {expected} pairs, as header `{' '.join(fields)}` tells, got {pairs}")


def _folds_without_header(path: Path, pairs: Sequence[ListedPair]) -> int:
    same = np.array([pair.same for pair in pairs])
    half, rest = divmod(len(same), 2)
    if not rest and same[:half].all() and not same[half:].any():
        return 1
    if len(same) % (2 * _FOLDS) == 0 and (same.reshape(_FOLDS, -1).mean(axis=1) == 0.5).all():
        return _FOLDS
    raise DataError(
        f"{path}: expected a header, or {_FOLDS} equal folds of which half the pairs match, "
        f"got no header and {len(same)} pairs of which {same.sum()} match"
    )


def _check_halves(path: Path, pairs: Sequence[ListedPair], size: int) -> None:
    for start in range(0, len(pairs), size):
        fold = pairs[start : start + size]
        matching = sum(pair.same for pair in fold)
        if 2 * matching != size:
            raise DataError(
                f"{path}: lines {fold[0].line} to {fold[-1].line}: "
                f"expected {size // 2} matching pairs of {size}, got {matching}"
            )
