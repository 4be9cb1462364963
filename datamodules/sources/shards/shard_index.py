"""Where every image of many shards lies, and whom it shows: arrays in files, mapped into memory and never copied."""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.sources.shards.shard_contents import ShardContents
from datamodules.sources.shards.shard_label import Label
from datamodules.sources.shards.shard_manifest import INDEX_COMMAND, ShardFile
from datamodules.whole_file import whole_file, write_whole

FOLDER = "index"
_NAMES = "identities.json"


class _Kind(NamedTuple):
    """What an array holds of each image."""

    dtype: str
    shape: tuple[int, ...] = ()


_KINDS = {
    "offsets": _Kind("<u8"),
    "sizes": _Kind("<u4"),
    "identities": _Kind("<i8"),  # as the rest of the suite has them: they are used where they lie
    "landmarks": _Kind("<f4", (5, 2)),
}


class ShardIndex:
    """Of N images in all shards, one after the other: 20 bytes each, 60 where there are landmarks.

    The arrays are mapped when first asked for, in each process, to the same memory: instances can be pickled.

    Args:
        root: Folder of the shards.
        images: N.
        identities: How many identities there are.

    Raises:
        DataError: When asked for what is missing, or not of N images.
    """

    def __init__(self, root: Path, images: int, identities: int) -> None:
        self.folder = root / FOLDER
        self._root, self._images, self._count = root, images, identities

    @cached_property
    def offsets(self) -> NDArray[np.uint64]:
        """Where the bytes of each image begin in its shard, ``(N,)``."""
        return self._mapped("offsets")

    @cached_property
    def sizes(self) -> NDArray[np.uint32]:
        """How many bytes each image has, ``(N,)``."""
        return self._mapped("sizes")

    @cached_property
    def identities(self) -> NDArray[np.int64]:
        """Identity of each image, ``(N,)``."""
        found = self._mapped("identities")
        if not 0 <= found.min() <= found.max() < self._count:
            raise self._damaged(self.folder / "identities.npy", f"identities below {self._count:,}")
        return found

    @cached_property
    def landmarks(self) -> NDArray[np.float32]:
        """Landmarks of each image, ``(N, 5, 2)``."""
        return self._mapped("landmarks")

    @cached_property
    def identity_names(self) -> Sequence[str]:
        """Name of each identity."""
        path = self.folder / _NAMES
        try:
            names = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or len(names) != self._count or not all(isinstance(name, str) for name in names):
            raise self._damaged(path, f"the names of {self._count:,} identities")
        return names

    def __getstate__(self) -> dict[str, Any]:
        mapped = (*_KINDS, "identity_names")
        return {name: value for name, value in self.__dict__.items() if name not in mapped}

    def _mapped(self, name: str) -> NDArray[Any]:
        path, kind = self.folder / f"{name}.npy", _KINDS[name]
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, SyntaxError, TokenError, OverflowError, MemoryError):  # a damaged header
            array = None
        if array is None or array.dtype.str != kind.dtype or array.shape != (self._images, *kind.shape):
            raise self._damaged(path, f"{name} of {self._images:,} images")
        # a plain view: each access of a memmap's own class costs microseconds
        return np.asarray(array)

    def _damaged(self, path: Path, expected: str) -> DataError:
        return DataError(
            f"{path}: expected {expected}, got another file or none; `{INDEX_COMMAND} {self._root}` mends it"
        )


def write_index(
    root: Path, shards: Iterable[ShardContents], names: Sequence[str] | None = None
) -> tuple[list[ShardFile], int]:
    """Write the index of shards.

    Args:
        root: Their folder.
        shards: What each holds, in order.
        names: Name of each identity, by the number that is its label; ``None``, or names that do not go as far as the
            labels, numbers the labels in ascending order, numbers before names, and calls each identity by its label.

    Returns:
        A line of the manifest for each, and how many identities there are.
    """
    codes: dict[Label, int] = {}
    parts, files = [], []
    for shard in shards:
        coded = np.array([codes.setdefault(label, len(codes)) for label in shard.labels], np.int32)
        parts.append((shard.offsets, shard.sizes, coded))
        files.append(ShardFile(shard.name, len(coded), shard.bytes, shard.sha256))
    offsets, sizes, coded = (np.concatenate(part) for part in zip(*parts, strict=True))
    write_array(root, "offsets", offsets)
    write_array(root, "sizes", sizes)
    if names is None or not all(isinstance(label, int) and 0 <= label < len(names) for label in codes):
        numbers, names = _numbered(codes)
    else:
        numbers = np.array(list(codes), np.int64)
    write_array(root, "identities", numbers[coded])
    write_names(root, names)
    return files, len(names)


def _numbered(codes: Iterable[Label]) -> tuple[NDArray[np.int64], Sequence[str]]:
    """Return the number of each label, and what each number is called."""
    labels = list(codes)
    ordered = sorted(labels, key=lambda label: (isinstance(label, str), label))
    number = {label: place for place, label in enumerate(ordered)}
    return np.array([number[label] for label in labels], np.int64), [str(label) for label in ordered]


def write_array(root: Path, name: str, array: NDArray[Any]) -> None:
    """Write one array of the index."""
    with whole_file(root / FOLDER / f"{name}.npy") as file:
        np.save(file, array.astype(_KINDS[name].dtype, copy=False), allow_pickle=False)


def write_names(root: Path, names: Sequence[str]) -> None:
    """Write what the identities are called."""
    write_whole(root / FOLDER / _NAMES, json.dumps(list(names)) + "\n")
