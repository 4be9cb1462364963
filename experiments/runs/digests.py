"""A few digits in the place of much, of what files hold, too; and names of files in the place of others."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

from callbacks.run_files import read_json, write_json
from datamodules.errors import DataError
from datamodules.sources.shards.shard_manifest import MANIFEST, read_manifest

KNOWN = Path("runs/contents.json")
LARGE = 1 << 28  # bytes, from which on it is remembered what was read


def digest(*parts: str | bytes) -> str:
    """Return twelve hexadecimal digits that stand for the parts.

    Example:
        >>> digest("a", "b") == digest("a", b"b") != digest("ab")
        True
    """
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(part.encode(errors="surrogateescape") if isinstance(part, str) else part)
        hashed.update(b"\0")
    return hashed.hexdigest()[:12]


def slugs(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Return a file's name for each name, no two the same, also where upper and lower case are.

    Args:
        names: What is named; of equal names there is one.
        reserved: Names of files that are taken.

    Example:
        >>> slugs(["SOIDN (demo)", "net", "a b", "a/b"])
        {'SOIDN (demo)': 'SOIDN_demo', 'net': 'net', 'a b': 'a_b-dfa583', 'a/b': 'a_b-c85bed'}
    """
    plain = {name: re.sub(r"[^\w.-]+", "_", name).strip("_.") or "unnamed" for name in names}
    used = Counter(slug.casefold() for slug in plain.values()) + Counter(name.casefold() for name in reserved)
    return {name: slug if used[slug.casefold()] == 1 else f"{slug}-{digest(name)[:6]}" for name, slug in plain.items()}


class _File(NamedTuple):
    name: str
    path: Path
    size: int
    changed: int


def contents_of(path: Path | str) -> str:
    """Return twelve digits that stand for the content of a file, or of all files below a folder and their names.

    A graph of runs reads each once, and again where its own size or time has changed. What is large is remembered in
    ``runs/contents.json`` by the sizes and times of its files, as git's index does: the next start reads it again only
    where one of them has changed.

    Raises:
        DataError: If it is not there or cannot be read.
    """
    path = Path(path).resolve()
    try:
        found = path.stat()
        return digits_of(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{error.filename}: expected a file that can be read, got {error.strerror}") from None


@cache
def digits_of(path: Path, size: int, changed: int) -> str:
    """Return the digits of what is at a path, as it is now; see :func:`contents_of`."""
    files = sorted(_files(path))
    large = sum(file.size for file in files) >= LARGE
    stamp = _hashed(str(path), *(f"{file.name} {file.size} {file.changed}" for file in files)) if large else ""
    known = read_json(KNOWN) if large else None
    if isinstance(known, dict) and isinstance(known.get(stamp), str):
        return str(known[stamp])
    summed = _summed(path)
    with ThreadPoolExecutor() as pool:
        contents = list(pool.map(lambda file: summed.get(file) or _content(file.path), files))
    found = _hashed(*(f"{file.name} {content}" for file, content in zip(files, contents, strict=True)))
    if large:
        write_json(KNOWN, {**(known if isinstance(known, dict) else {}), stamp: found})
    return found


def _files(path: Path) -> Iterator[_File]:
    if not path.is_dir():
        yield _file("", path)
        return
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(path, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        if real not in seen:
            seen.add(real)
            below = Path(folder)
            yield from (
                _file((below / name).relative_to(path).as_posix(), below / name)
                for name in names
                if not name.startswith(".") and (below / name).is_file()
            )


def _summed(path: Path) -> dict[_File, str]:
    """Return what shards hold, which may be terabytes, as their index says; of one that is newer, nobody knows."""
    try:
        manifest = read_manifest(path)
        indexed = (path / MANIFEST).stat().st_mtime_ns
    except (DataError, OSError):
        return {}
    files = {_file(shard.name, path / shard.name): shard for shard in manifest.shards if (path / shard.name).is_file()}
    return {file: shard.sha256 for file, shard in files.items() if file.size == shard.bytes and file.changed <= indexed}


def _file(name: str, path: Path) -> _File:
    found = path.stat()
    return _File(name, path, found.st_size, found.st_mtime_ns)


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hashed(*parts: str) -> str:
    # not by digest, which ends otherwise: runs that are there are named by these digits
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:12]
