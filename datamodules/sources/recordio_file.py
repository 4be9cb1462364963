"""The RecordIO file format of dmlc and mxnet: framed records in one file, read without either."""

import mmap
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError

_MAGIC = 0xCED7230A
_MAGIC_BYTES = _MAGIC.to_bytes(4, "little")
_PART_HEAD = struct.Struct("<II")
_LENGTH_BITS = 29
_LENGTH_MASK = (1 << _LENGTH_BITS) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_CHUNK = 1 << 16
# 18 digits fit int64
_BAD_INDEX_LINE = re.compile(r"^(?![ \t]*(?:[0-9]{1,18}[ \t]+[0-9]{1,18}[ \t]*)?$).*$", re.MULTILINE)
_Length = TypeVar("_Length", int, NDArray[np.int64])


class RecordFile:
    """Records of one RecordIO file, addressed by byte offset.

    A record is one part, or several: a writer splits a payload wherever the magic word stands on a multiple
    of four bytes, and drops the word there. A part is ``uint32 magic``, ``uint32`` with the kind of part
    (0 whole, 1 first, 2 middle, 3 last) in its upper 3 bits and the length in its lower 29, the bytes, and
    padding to a multiple of four; all little-endian.

    The file is mapped into memory when first read, and anew in each process: instances can be pickled and
    survive a fork.

    Args:
        path: The file.

    Raises:
        DataError: By every method, with file, byte offset and reason, if the file is missing or corrupt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map: mmap.mmap | None = None
        self._process = 0

    def read(self, offset: int) -> bytes:
        """Return the payload of the record at byte ``offset``."""
        data = self._data()
        return _MAGIC_BYTES.join([data[start:end] for start, end in self._parts(offset)])

    def walk(self) -> NDArray[np.int64]:
        """Return the byte offset of every record, ``(N,)``, from the first byte to the last."""
        offsets, offset, size = [], 0, len(self._data())
        while offset < size:
            offsets.append(offset)
            *_, (_, end) = self._parts(offset)
            offset = _padded(end)
        return np.array(offsets, dtype=np.int64)

    def scan(self, offsets: NDArray[np.int64], words: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Check every record and read how it starts, without reading it all.

        Args:
            offsets: Byte offset of each record, ``(N,)``.
            words: How many 4-byte words to read.

        Returns:
            Payload lengths in bytes, ``(N,)``, and the first words of the payloads, ``(N, words)``, undefined
            beyond a payload's length.
        """
        lengths = np.empty(len(offsets), dtype=np.int64)
        starts = np.empty((len(offsets), words), dtype="<u4")
        for begin in range(0, len(offsets), _CHUNK):  # bounds the memory of the index arrays
            rows = slice(begin, begin + _CHUNK)
            lengths[rows], starts[rows] = self._scan_chunk(offsets[rows], words)
        return lengths, starts

    def corrupt(self, offset: int, expected: str, got: str) -> DataError:
        """Build the error for what is wrong at byte ``offset``."""
        return DataError(f"{self.path}: byte {offset}: expected {expected}, got {got}")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_map": None}

    def _data(self) -> mmap.mmap:
        if self._map is None or self._process != os.getpid():
            self._map, self._process = self._open(), os.getpid()
        return self._map

    def _open(self) -> mmap.mmap:
        try:
            with self.path.open("rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file cannot be mapped
            raise self.corrupt(0, "a record", "an empty file") from None
        except OSError as error:
            raise DataError(f"{self.path}: expected a RecordIO file, got {error.strerror}") from None

    def _parts(self, offset: int) -> Iterator[tuple[int, int]]:
        """Yield where the bytes of each part of the record at ``offset`` start and end."""
        data, allowed, kind = self._data(), (_WHOLE, _FIRST), _FIRST
        while kind in (_FIRST, _MIDDLE):
            if offset % 4 or not 0 <= offset <= len(data) - _PART_HEAD.size:
                raise self.corrupt(offset, "a record on a multiple of 4 bytes", f"a file of {len(data)} bytes")
            magic, coded = _PART_HEAD.unpack_from(data, offset)
            kind, length = coded >> _LENGTH_BITS, coded & _LENGTH_MASK
            start = offset + _PART_HEAD.size
            if magic != _MAGIC:
                raise self.corrupt(offset, f"magic word {_MAGIC:#x}", f"{magic:#x}")
            if kind not in allowed:
                raise self.corrupt(offset, f"a part of kind {allowed[0]} or {allowed[1]}", f"kind {kind}")
            if _padded(start + length) > len(data):
                raise self.corrupt(offset, f"{length} bytes and padding", f"the end of the file at {len(data)}")
            yield start, start + length
            offset, allowed = _padded(start + length), (_MIDDLE, _LAST)

    def _scan_chunk(self, offsets: NDArray[np.int64], words: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        size = len(self._data())
        file_words = np.frombuffer(self._data(), dtype="<u4", count=size // 4)
        if not len(file_words):
            raise self.corrupt(0, "a record", f"a file of {size} bytes")
        columns = offsets[:, None] // 4 + np.arange(2 + words)
        head = file_words[np.clip(columns, 0, len(file_words) - 1)]  # (N, 2 + words)
        lengths = (head[:, 1] & _LENGTH_MASK).astype(np.int64)
        ends = offsets + _PART_HEAD.size + _padded(lengths)
        whole = (head[:, 0] == _MAGIC) & (head[:, 1] >> _LENGTH_BITS == _WHOLE)
        whole &= (offsets >= 0) & (offsets % 4 == 0) & (ends <= size)
        starts = head[:, 2:]
        for row in np.flatnonzero(~whole):  # a record of several parts, or a broken one, which `read` refuses
            payload = self.read(int(offsets[row]))
            lengths[row] = len(payload)
            starts[row] = np.frombuffer(payload[: 4 * words].ljust(4 * words, b"\0"), dtype="<u4")
        return lengths, starts


def _padded(length: _Length) -> _Length:
    return length + -length % 4


def read_index(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    r"""Read an index file, lines of ``key\toffset``; blanks do as well as a tab, and empty lines are passed over.

    Returns:
        Keys and byte offsets, ``(N,)`` each, in the order of the file.

    Raises:
        DataError: If the file cannot be read, or a line is not two whole numbers or repeats a key or an offset.
    """
    text = _text(path)
    bad = _BAD_INDEX_LINE.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        raise DataError(f"{path}: line {line}: expected `key<tab>offset`, got {bad[0][:60]!r}")
    if not text.strip():
        raise DataError(f"{path}: expected lines of `key<tab>offset`, got none")
    # Half a million lines in a tenth of a second; a loop over them takes twenty times that.
    keys, offsets = np.fromstring(text, dtype=np.int64, sep=" ").reshape(-1, 2).T
    for what, values in (("key", keys), ("offset", offsets)):
        first = np.unique(values, return_index=True)[1]
        if len(first) < len(values):
            again = np.setdiff1d(np.arange(len(values)), first)[0]
            line = [number for number, line in enumerate(text.split("\n"), start=1) if line.strip()][again]
            raise DataError(f"{path}: line {line}: expected every {what} once, got {values[again]} again")
    return keys, offsets


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: expected an index file, got {error.strerror}") from None
