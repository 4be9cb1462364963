"""What is in a shard, and where: samples are the files of one key, side by side, as WebDataset groups them."""

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.sources.decode import IMAGE_EXTENSIONS
from datamodules.sources.shards.shard_label import LONGEST, Label, label_of

BLOCK = tarfile.BLOCKSIZE
_END = 2 * BLOCK  # of zeros, with which an archive ends
_DAMAGED = (tarfile.TarError, ValueError, OverflowError, MemoryError)  # by what a header says of sizes and places
_METADATA = re.compile(r"__[^/]*__($|/)")  # what WebDataset passes over
_IMAGES = frozenset(extension.lstrip(".") for extension in IMAGE_EXTENSIONS)


class ShardContents(NamedTuple):
    """The images of one shard, in the order of the file; every array is ``(N,)``."""

    name: str
    """Of the file."""
    bytes: int
    """Of the file."""
    sha256: str
    """Of the file."""
    keys_sha256: str
    """Of the keys, a line each."""
    labels: list[Label]
    offsets: NDArray[np.uint64]
    """Where the bytes of each image begin; the tar header right before them names it."""
    sizes: NDArray[np.uint32]
    """How many bytes each image has."""


def look_at_shard(path: Path, label: str | None = None) -> ShardContents:
    """Read which images a shard holds.

    Args:
        path: A tar file that is not compressed.
        label: Field of the samples' ``.json`` that names the identity; ``None`` takes the whole number of ``.cls``, or
            where there is none the field ``label`` or ``identity``.

    Raises:
        DataError: One line with the shard and the key: if the file cannot be read or is cut short, a sample has no
            image or several, or no label, or the files of a key are not side by side.
    """
    keys: list[str] = []
    labels: list[Label] = []
    places: list[tuple[int, int]] = []
    seen: set[str] = set()
    with _opened(path) as archive:
        for key, files in _samples(path, archive):
            where = f"{path}: {key}"
            if key in seen:
                raise DataError(f"{where}: expected the files of a key side by side, got the key again")
            seen.add(key)
            image = _image(where, files)
            keys.append(key)
            labels.append(label_of(where, {ending: _read(archive, file) for ending, file in files.items()}, label))
            places.append((image.offset_data, image.size))
    if not keys:
        raise DataError(f"{path}: expected images, got none")
    offsets, sizes = np.array(places, np.uint64).T
    file = path.name, path.stat().st_size, sha256_of(path)
    return ShardContents(*file, keys_digest(keys), labels, offsets, sizes.astype(np.uint32))


def keys_digest(keys: Iterable[str]) -> str:
    """Return the ``keys_sha256`` of a shard with these keys, in this order."""
    hashed = hashlib.sha256()
    for key in keys:
        hashed.update(key.encode(errors="surrogateescape") + b"\n")
    return hashed.hexdigest()


def splits_into(file: str, key: str, ending: str) -> bool:
    """Whether WebDataset takes a file of this name for a sample's with this key and ending."""
    from webdataset.tariterators import base_plus_ext  # noqa: PLC0415  of a second, and only where shards are written

    return not _METADATA.match(file) and base_plus_ext(file) == (key, ending)


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:")
    except _DAMAGED:
        raise DataError(f"{path}: expected a tar file that is not compressed, got another file") from None
    except OSError as error:
        raise DataError(f"{path}: expected a tar file, got {error.strerror}") from None


def _samples(path: Path, archive: tarfile.TarFile) -> Iterator[tuple[str, Mapping[str, tarfile.TarInfo]]]:
    """Yield each sample's key, and its files by their endings."""
    from webdataset.tariterators import group_by_keys  # noqa: PLC0415  of a second, and only where shards are written

    files = ({"fname": file.name, "data": file, "__url__": ""} for file in _files(path, archive))
    try:
        for sample in group_by_keys(files):
            yield sample["__key__"], {ending: file for ending, file in sample.items() if ending[:2] != "__"}
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        name = str(error.args[0]).partition(":")[0]
        raise DataError(f"{path}: {name}: expected every file once, got it again in the same sample") from None


def _files(path: Path, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the files that are no metadata.

    Raises:
        DataError: If the archive ends early, or a header in it is damaged, which tarfile takes for the end.
    """
    size, last = path.stat().st_size, None
    try:
        while (file := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep all
            last = file
            if file.isreg() and not file.issparse() and not _METADATA.match(file.name):
                yield file
    except (*_DAMAGED, OSError):
        raise _cut_short(path, last, size) from None
    with path.open("rb") as end:
        end.seek(archive.offset)
        if end.read(_END) != bytes(_END):
            raise _cut_short(path, last, size)


def _cut_short(path: Path, last: tarfile.TarInfo | None, size: int) -> DataError:
    after = "" if last is None else f" after {last.name}"
    return DataError(f"{path}: expected a tar file with its end, got damaged or missing bytes{after} ({size} bytes)")


def _image(where: str, files: Mapping[str, tarfile.TarInfo]) -> tarfile.TarInfo:
    images = sorted(_IMAGES & files.keys())
    if len(images) != 1:
        raise DataError(f"{where}: expected one image, got {', '.join(images or sorted(files)) or 'no file'}")
    return files[images[0]]


def _read(archive: tarfile.TarFile, file: tarfile.TarInfo) -> Callable[[], bytes]:
    """Return how to read a file, when asked."""

    def read() -> bytes:
        opened = archive.extractfile(file)
        return opened.read(LONGEST + 1) if opened else b""

    return read


def sha256_of(path: Path) -> str:
    """Return the checksum of a shard.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: expected a shard, got {error.strerror}") from None
