"""What files and folders hold, in a few digits: a result that was made of others is another result."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from callbacks.run_files import read_json, write_json
from datamodules.errors import DataError

KNOWN = Path("runs/contents.json")
LARGE = 1 << 28  # bytes, from which on it is remembered what was read


class _File(NamedTuple):
    name: str
    path: Path
    size: int
    changed: int


class Contents:
    """Digests of what files and folders hold; each is read once.

    What is large is remembered in ``runs/contents.json`` by the sizes and times of its files, as git's index does: the
    next start reads it again only where one of them has changed.
    """

    def __init__(self) -> None:
        self._found: dict[Path, str] = {}

    def of(self, path: Path | str) -> str:
        """Return twelve digits that stand for the content of a file, or of all files below a folder and their names.

        Raises:
            DataError: If it is not there or cannot be read.
        """
        path = Path(path).resolve()
        if path not in self._found:
            try:
                self._found[path] = _digest(path)
            except OSError as error:
                raise DataError(f"{error.filename}: expected a file that can be read, got {error.strerror}") from None
        return self._found[path]


def _digest(path: Path) -> str:
    files = sorted(_files(path))
    large = sum(file.size for file in files) >= LARGE
    stamp = _hashed(str(path), *(f"{file.name} {file.size} {file.changed}" for file in files)) if large else ""
    known = read_json(KNOWN) if large else None
    if isinstance(known, dict) and isinstance(known.get(stamp), str):
        return str(known[stamp])
    with ThreadPoolExecutor() as pool:
        contents = list(pool.map(_content, (file.path for file in files)))
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


def _file(name: str, path: Path) -> _File:
    found = path.stat()
    return _File(name, path, found.st_size, found.st_mtime_ns)


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:12]
