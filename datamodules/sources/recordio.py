"""InsightFace's face packs, and any other image pack of mxnet: images and identities out of one RecordIO file."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import Landmarks, UInt8Image
from datamodules.sources.decode import decode_image
from datamodules.sources.record_headers import HEADER_BYTES, RecordHeaders, read_headers
from datamodules.sources.recordio_file import RecordFile

log = logging.getLogger(__name__)

_PROPERTY = re.compile(r"([0-9]{1,18})\s*(?:[,\s]\s*[0-9]{1,18}\s*){2}")
_LABEL_LIMIT = 1 << 24  # from here on float32 labels of neighbouring identities are one number


class RecordIO:
    """Face images in a folder with ``train.rec`` and, if they are there, ``train.idx`` and ``property``.

    In InsightFace's layout record 0 is a header with two labels ``[a, b)``: keys 1 to ``a - 1`` are images,
    keys ``a`` to ``b - 1`` give the range of image keys of each identity. A pack without that header holds
    images only. An image's identity is its label, or the first of its labels, in one range or several; a range
    must not hold images of different labels. Identities are numbered by ascending label. Records that the header
    announces may be missing, but for the last; that is logged.

    Without ``train.idx`` the file is walked: a record's key is the id in its header where those are unique,
    else its position. The loss of whole records at the end then shows only where the header record or
    ``property`` counts them. Every record's place, extent and header is checked at construction; images are
    decoded when asked for.

    Args:
        root: The folder.

    Raises:
        DataError: If a file is missing or corrupt, a label is not a whole number, or header, labels, identity
            ranges and the number of identities in ``property`` contradict each other.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._file = RecordFile(self.root / "train.rec")
        records = read_headers(self._file, self.root / "train.idx")
        images = records[records.image]
        if not len(images.keys):
            raise DataError(f"{self._file.path}: expected images, got {len(records.keys)} records without one")
        _check_layout(self._file.path, records)
        labels = _whole_labels(self._file.path, images)
        names, identities = np.unique(labels, return_inverse=True)
        self._keys, self._offsets = images.keys, images.offsets
        self._identities = identities.astype(np.int64)
        self._identity_names = tuple(str(label) for label in names)
        _check_ranges(self._file.path, records, labels)
        _check_property(self.root / "property", names)

    @property
    def identities(self) -> NDArray[np.int64]:
        """Identity of every image, ``(N,)``, in the order of their labels."""
        return self._identities

    @property
    def identity_names(self) -> Sequence[str]:
        """Label of every identity."""
        return self._identity_names

    def __len__(self) -> int:
        return len(self._keys)

    def image(self, index: int) -> UInt8Image:
        """Image ``index``, ``(H, W, 3)`` uint8 RGB.

        Raises:
            DataError: If it cannot be decoded; the message names the file and the record's key.
        """
        return decode_image(self.encoded(index), name=f"{self._file.path}: record {self.name(index)}")

    def encoded(self, index: int) -> bytes:
        """The image file in the record of image ``index``, as it is."""
        payload = self._file.read(int(self._offsets[index]))
        return payload[HEADER_BYTES + 4 * int.from_bytes(payload[:4], "little") :]

    def landmarks(self, index: int) -> Landmarks | None:
        """``None``: a pack holds aligned images, and no landmarks."""
        return None

    def name(self, index: int) -> str:
        """The key of the record of image ``index``."""
        return str(self._keys[index])


def _is_header(records: RecordHeaders) -> bool:
    return len(records.keys) > 0 and records.keys[0] == 0 and not records.image[0]


def _check_layout(path: Path, records: RecordHeaders) -> None:
    """Compare which records hold images with what the header record says, if there is one."""
    images = records.keys[records.image]
    others = records.keys[~records.image][1 if _is_header(records) else 0 :]
    hollow = others if not _is_header(records) else others[others < images[-1]]
    if len(hollow):
        raise DataError(f"{path}: record {hollow[0]}: expected an image, got no bytes after the header")
    if not _is_header(records):
        return
    # labels are float32, with its precision
    image_stop, stop = np.float32(images[-1] + 1), np.float32(records.keys[-1] + 1)
    told, told_stop = records.labels[0]
    # Some packs announce identity records and hold none: their image labels are all there is.
    fits = image_stop <= told <= np.float32(others[0]) and stop == told_stop if len(others) else image_stop == told
    if not fits:
        stops = [int(images[-1]) + 1, int(records.keys[-1]) + 1]
        raise DataError(
            f"{path}: record 0: expected labels {stops} for {len(images)} images, got {records.labels[0].tolist()}"
        )
    lost = int(records.keys[-1]) + 1 - len(records.keys)
    if lost:
        log.warning("%s: %s of the records that record 0 announces are not there; the others are read", path, lost)


def _whole_labels(path: Path, images: RecordHeaders) -> NDArray[np.int64]:
    labels = images.labels[:, 0]
    wrong = np.flatnonzero(~(np.abs(labels) < _LABEL_LIMIT) | (labels != np.floor(labels)))
    if len(wrong):
        key, label = images.keys[wrong[0]], labels[wrong[0]]
        raise DataError(f"{path}: record {key}: expected a whole number below 2**24 as label, got {label}")
    return labels.astype(np.int64)


def _check_ranges(path: Path, records: RecordHeaders, labels: NDArray[np.int64]) -> None:
    """Refuse an identity range, if there are any, whose images have several labels; else the labels decide."""
    identity = records[np.flatnonzero(~records.image)[1:]]  # without the header record
    if not len(identity.keys):
        return
    images, (starts, ends) = records.keys[records.image], identity.labels.T
    malformed = ~((starts >= 1) & (starts <= ends) & (ends <= records.labels[0, 0]))
    # beyond 2**24 float32 leaves open which of the images at either end are in the range
    slack = (np.spacing(identity.labels) // 2).astype(np.float64)
    first = np.searchsorted(images, starts + slack[:, 0])
    last = np.searchsorted(images, ends - slack[:, 1]) - 1
    changes = np.concatenate([[0], np.cumsum(np.diff(labels) != 0)])
    within = np.clip(np.stack([first, last]), 0, len(images) - 1)
    mixed = (first < last) & (changes[within[0]] != changes[within[1]])
    for row in np.flatnonzero(malformed | mixed)[:1]:
        given, where = identity.labels[row].tolist(), f"{path}: record {identity.keys[row]}"
        if malformed[row]:
            raise DataError(f"{where}: expected a range of image keys below {records.labels[0, 0]:.0f}, got {given}")
        found = np.unique(labels[first[row] : last[row] + 1])[:2].tolist()
        raise DataError(f"{where}: expected one label in its range of images {given}, got {found[0]} and {found[1]}")


def _check_property(path: Path, labels: NDArray[np.int64]) -> None:
    """Refuse a number of identities other than that of the labels: a pack cut short looks like that.

    Where some labels are not used, a count of those from 0 to the greatest is also right.
    """
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace").strip()
    except OSError as error:
        raise DataError(f"{path}: expected `identities,height,width`, got {error.strerror}") from None
    match = _PROPERTY.fullmatch(text)
    if match is None:
        raise DataError(f"{path}: expected `identities,height,width`, got {text[:60]!r}")
    if int(match[1]) not in (len(labels), labels[-1] + 1):
        raise DataError(
            f"{path}: expected {len(labels)} identities as train.rec holds, got {match[1]}; correct it or remove it"
        )
