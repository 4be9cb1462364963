"""What mxnet puts before each image of a RecordIO file: labels and an id."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.sources.recordio_file import RecordFile, read_index

HEADER_BYTES = 24
"""uint32 flag, float32 label, uint64 id, uint64 id2; `flag` float32 labels follow."""


@dataclass(frozen=True)
class RecordHeaders:
    """What the headers of all records say, by ascending key; every array is ``(N, …)``."""

    keys: NDArray[np.int64]
    offsets: NDArray[np.int64]
    image: NDArray[np.bool_]
    labels: NDArray[np.float32]  # (N, 2): the first two, NaN where there are fewer

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "RecordHeaders":
        return RecordHeaders(self.keys[rows], self.offsets[rows], self.image[rows], self.labels[rows])


def read_headers(file: RecordFile, index: Path) -> RecordHeaders:
    """Read the headers of all records that an index lists, or of all where there is none.

    Raises:
        DataError: If the file or the index is corrupt, or a record is shorter than its header.
    """
    listed = read_index(index) if index.is_file() else None
    offsets = file.walk() if listed is None else listed[1]
    lengths, words = file.scan(offsets, words=HEADER_BYTES // 4 + 2)
    flags = words[:, 0].astype(np.int64)
    header_bytes = HEADER_BYTES + 4 * flags
    short = np.flatnonzero((lengths < HEADER_BYTES) | (lengths < header_bytes))
    if len(short):
        row = short[0]
        # A payload under 24 bytes has no flag to trust.
        wanted = HEADER_BYTES if lengths[row] < HEADER_BYTES else header_bytes[row]
        raise file.corrupt(int(offsets[row]), f"a header of {wanted} bytes", f"a payload of {lengths[row]}")
    keys = _keys_without_index(words) if listed is None else listed[0]
    records = RecordHeaders(keys, offsets, lengths > header_bytes, _labels(flags, words))
    return records[np.argsort(keys)]


def _keys_without_index(words: NDArray[np.uint32]) -> NDArray[np.int64]:
    ids = np.ascontiguousarray(words[:, 2:4]).view("<u8")[:, 0].astype(np.int64)
    return ids if len(np.unique(ids)) == len(ids) else np.arange(len(ids))


def _labels(flags: NDArray[np.int64], words: NDArray[np.uint32]) -> NDArray[np.float32]:
    scalar = np.ascontiguousarray(words[:, 1:2]).view("<f4")  # (N, 1)
    labels = np.ascontiguousarray(words[:, 6:8]).view("<f4")  # (N, 2)
    labels[flags < 2, 1] = np.nan
    return np.where(flags[:, None] > 0, labels, np.hstack([scalar, np.full_like(scalar, np.nan)]))
