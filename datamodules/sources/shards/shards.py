"""Face images in tar shards of WebDataset's layout, each found by an index."""

import tarfile
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.least import check_least
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.decode import decode_image
from datamodules.sources.shards.member_name import BLOCK, LOOKED_BACK, member_name
from datamodules.sources.shards.open_shards import OpenShards
from datamodules.sources.shards.shard_index import ShardIndex
from datamodules.sources.shards.shard_manifest import INDEX_COMMAND, read_manifest

_SIZE = slice(124, 136)  # in a tar header


class Shards:
    """The images of all shards of a folder, as ``python -m experiments.shard`` has written or indexed them.

    Image *i* is the *i*-th of the shards one after the other, and its bytes are read where they lie: any image at any
    time. A training reads them nearly as they lie: it shuffles shards, and images within a window.

    Args:
        root: The folder, with ``shards.json``.
        shuffle_window: Images among which a training shuffles, at least 1; a set no larger is shuffled as a whole. Two
            windows should fit into the memory that is free for the system's cache of files.

    Raises:
        DataError: If the index is not there or damaged, or a shard is missing or has another size than when it was
            indexed.
        ValueError: If a setting is out of range.
    """

    def __init__(self, root: Path | str, shuffle_window: int = 1 << 16) -> None:
        check_least(1, shuffle_window=shuffle_window)
        self.root = Path(root)
        self.shuffle_window = shuffle_window
        self.manifest = read_manifest(self.root)
        self._starts = self.manifest.starts
        self._firsts = self._starts[:-1].tolist()
        self._files = OpenShards([self.root / shard.name for shard in self.manifest.shards])
        self._index = ShardIndex(self.root, len(self), self.manifest.identities)
        for path, shard in zip(self._files.paths, self.manifest.shards, strict=True):
            _check_size(path, shard.bytes)
        for needed in ("offsets", "sizes", "identities", "identity_names"):
            getattr(self._index, needed)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``; mapped from a file, not to be written to."""
        return self._index.identities

    @property
    def identity_names(self) -> Sequence[str]:
        """Name of every identity."""
        return self._index.identity_names

    @property
    def run_starts(self) -> NDArray[np.int64]:
        """First image of each shard and, last, the number of images, ``(S + 1,)``."""
        return self._starts

    def __len__(self) -> int:
        return int(self._starts[-1])

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be decoded, or is not what was indexed; the message names shard and key.
        """
        data = self.encoded(index)
        try:
            return decode_image(data, name="")
        except DataError as error:
            raise DataError(f"{self._path(index)}: {self._member(index)}{error}") from None

    def encoded(self, index: int) -> bytes:
        """The file of image ``index``, as it is.

        Raises:
            DataError: If it is not what was indexed.
        """
        index = range(len(self))[index]
        offset, size = int(self._index.offsets[index]), int(self._index.sizes[index])
        shard = self._shard(index)
        inside = BLOCK <= offset <= self.manifest.shards[shard].bytes - size
        found = self._files.read(shard, offset - BLOCK, BLOCK + size) if inside else b""
        # written so by nearly all; the others cost ten microseconds more
        if found[_SIZE] != b"%011o\0" % size or len(found) != BLOCK + size:
            self._checked(index, found[:BLOCK] if len(found) == BLOCK + size else b"")
        return found[BLOCK:]

    def landmarks(self, index: int) -> Landmarks | None:
        """Five landmarks of image ``index``, if the shards were written with some."""
        return self._index.landmarks[index].copy() if self.manifest.landmarks else None

    def name(self, index: int) -> str:
        """Shard and name of image ``index``, ``<shard>/<key>.<extension>``."""
        return f"{self._path(index).name}/{self._member(index)}"

    def will_need(self, first: int, stop: int) -> None:
        """Have images ``first`` to ``stop - 1``, all of one shard, read ahead; does not wait."""
        shard = self._shard(first)
        begin = max(0, int(self._index.offsets[first]) - BLOCK)
        end = int(self._index.offsets[stop - 1]) + int(self._index.sizes[stop - 1])
        self._files.will_need(shard, begin, min(end, self.manifest.shards[shard].bytes))

    def _shard(self, index: int) -> int:
        return bisect_right(self._firsts, index) - 1

    def _path(self, index: int) -> Path:
        return self._files.paths[self._shard(index)]

    def _member(self, index: int) -> str:
        """Return the name of an image in its shard."""
        offset, shard = int(self._index.offsets[index]), self._shard(index)
        inside = BLOCK <= offset <= self.manifest.shards[shard].bytes
        begin = max(offset % BLOCK, offset - LOOKED_BACK)
        before = self._files.read(shard, begin, offset - begin) if inside else b""
        return member_name(before, self._checked(index, before[-BLOCK:]).name)

    def _checked(self, index: int, header: bytes) -> tarfile.TarInfo:
        """Return what a header says.

        Raises:
            DataError: If it is not that of an image of the size that was indexed.
        """
        size = int(self._index.sizes[index])
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            member = tarfile.TarInfo()
        if member.size == size and member.name:
            return member
        where = f"{self._path(index)}: {member.name or 'no name'} at byte {int(self._index.offsets[index]) - BLOCK}"
        remedy = f"`{INDEX_COMMAND} {self.root}` indexes anew"
        raise DataError(f"{where}: expected an image of {size} bytes, as indexed, got {member.size}; {remedy}")


def _check_size(path: Path, expected: int) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: expected the shard that was indexed, got {error.strerror}") from None
    if size != expected:
        raise DataError(f"{path}: expected {expected} bytes, as when it was indexed, got {size}")
