"""``shards.json``: which shards a folder has, and what each was when indexed. It is written last, when all is there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.whole_file import write_whole

MANIFEST = "shards.json"
BEGUN = ".shards_begun.json"
"""There while shards are written, and gone when all is."""
SHARD_ENDING = ".tar"
INDEX_COMMAND = "python -m experiments.shard --index"
_VERSION = 1


class ShardFile(NamedTuple):
    """One shard."""

    name: str
    images: int
    bytes: int
    sha256: str


class ShardManifest(NamedTuple):
    """What ``shards.json`` says."""

    shards: Sequence[ShardFile]
    identities: int
    """How many there are."""
    landmarks: bool
    """Whether the index has five landmarks of each image."""
    written: Mapping[str, Any] | None
    """With what settings the suite wrote the shards, ``None`` where they are somebody else's."""

    @property
    def starts(self) -> NDArray[np.int64]:
        """First image of each shard and, last, their number, ``(S + 1,)``."""
        return np.cumsum([0, *(shard.images for shard in self.shards)], dtype=np.int64)


def is_sharded(folder: Path) -> bool:
    """Whether a folder has shards, indexed or not."""
    return (folder / MANIFEST).exists() or any(folder.glob(f"*{SHARD_ENDING}"))


def write_manifest(folder: Path, manifest: ShardManifest) -> None:
    """Write ``shards.json``, which makes the folder a dataset."""
    rows = [shard._asdict() for shard in manifest.shards]
    content = {"version": _VERSION, **manifest._asdict(), "shards": rows}
    write_whole(folder / MANIFEST, json.dumps(content, indent=1) + "\n")


def read_manifest(folder: Path) -> ShardManifest:
    """Return what a folder's ``shards.json`` says.

    Raises:
        DataError: If it is not there, damaged, or of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        if (folder / BEGUN).is_file():
            raise DataError(f"{folder}: expected all shards, got those of an interrupted command: repeat it")
        raise DataError(f"{folder}: expected shards with their index, got none; `{INDEX_COMMAND} {folder}` makes it")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["version"] != _VERSION:
            raise DataError(f"{path}: expected version {_VERSION}, got {said['version']!r}")
        shards = [ShardFile(**row) for row in said["shards"]]
        _check(shards, said)
        return ShardManifest(shards, said["identities"], said["landmarks"], said["written"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path}: expected the list of shards that `{INDEX_COMMAND} {folder}` writes, got another file"
        ) from None


def _check(shards: Sequence[ShardFile], said: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for what nobody has written."""
    numbers = [said["identities"], *(number for shard in shards for number in (shard.images, shard.bytes))]
    if not shards or not all(type(number) is int and 0 < number < 1 << 62 for number in numbers):
        raise ValueError("numbers")
    if not all(isinstance(shard.name, str) and Path(shard.name).name == shard.name for shard in shards):
        raise ValueError("names")
