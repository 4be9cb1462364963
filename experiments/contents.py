"""What files and folders hold, in a few digits: a result that was made of others is another result."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from callbacks.run_files import read_json, write_json
from datamodules.errors import DataError

KNOWN = Path("runs/contents.json")
LARGE = 1 << 28  # bytes, from which on it is remembered what was read
NO_INPUT = ("cache_dir", "save_dir")
"""Settings that name a folder to write into."""
INPUTS = ("data", "model", "weights", "config", "trainer")
"""Options that name what a result is made of, themselves or in their keys."""


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

    def named_in(self, options: Sequence[str], *, made: Path | None = None) -> list[str]:
        """Return what the local files and folders hold that options of a training name, in their order.

        Args:
            options: ``--key=value``; of data, model, weights, callbacks and configuration files.
            made: Folder of what other runs leave: those are told apart by their names.
        """
        values = [value for option in options for value in _inputs(option)]
        paths = [Path(value) for value in dict.fromkeys(values) if _exists(value)]
        return [f"{path} {self.of(path)}" for path in paths if made is None or not _is_below(path, made)]


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


def _inputs(option: str) -> Iterator[str]:
    key, _, text = option.removeprefix("--").partition("=")
    kind = key.partition(".")[0].rstrip("+")
    if kind not in INPUTS or key.rpartition(".")[2] in NO_INPUT:
        return
    if kind != "trainer" and (
        key in INPUTS or os.sep in text
    ):  # as it is: YAML would read a number, or a comment, in some paths
        yield text
    yield from _strings(_parsed(text) if kind != "trainer" else _read_by_callbacks(key, _parsed(text)))
    if kind == "config" and _exists(text):
        content = _parsed(Path(text).read_text(errors="replace"))
        if isinstance(content, dict):
            yield from _strings([content.get("data"), content.get("model")])
            yield from _strings(_read_by_callbacks("trainer", content.get("trainer")))


def _read_by_callbacks(key: str, node: Any) -> Any:
    """Return the settings of callbacks, but for maps that they replace; nothing of the trainer's others."""
    if key == "trainer":
        node = node.get("callbacks") if isinstance(node, dict) else None
    elif not key.startswith("trainer.callbacks"):
        return None
    if isinstance(node, dict):
        return {name: _read_by_callbacks("trainer.callbacks", v) for name, v in node.items() if name != "map_file"}
    return [_read_by_callbacks("trainer.callbacks", v) for v in node] if isinstance(node, list) else node


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        yield from (text for key, value in node.items() if key not in NO_INPUT for text in _strings(value))
    elif isinstance(node, list):
        yield from (text for value in node for text in _strings(value))


def _exists(value: str) -> bool:
    try:
        return bool(value) and Path(value).exists()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
