"""Writes the images of a source into shards, byte for byte, each shard whole or not at all."""

import json
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.least import check_least
from datamodules.randomness import sample_generator
from datamodules.seams.face_source import FaceSource
from datamodules.seams.image_files import ImageFiles
from datamodules.sources.shards.shard_contents import ShardContents, keys_digest, look_at_shard
from datamodules.sources.shards.shard_names import Names, ShardNames
from datamodules.whole_file import whole_file

_PIECE = 256  # images read at once

Wrote = Callable[[int], None]
"""Is told how many more images are in shards."""


@dataclass(frozen=True)
class ShardLayout:
    """How images are put into shards.

    Args:
        images: Images of a shard, but for the last.
        megabytes: Size of a shard instead, in 10⁶ bytes of images: it is closed by the image that reaches it.
        shuffle: Put images in random order; else in the source's.
        seed: Of that order.
        names: ``"original"`` or ``"number"``, see :class:`~.shard_names.ShardNames`.

    Raises:
        ValueError: If a setting is out of range.
    """

    images: int = 10_000
    megabytes: int | None = None
    shuffle: bool = True
    seed: int = 0
    names: Names = "original"

    def __post_init__(self) -> None:
        check_least(1, images=self.images, megabytes=1 if self.megabytes is None else self.megabytes)
        check_least(0, seed=self.seed)

    def order(self, count: int) -> NDArray[np.int64]:
        """Return the images in the order in which they are written, ``(N,)``."""
        if not self.shuffle:
            return np.arange(count)
        return sample_generator(self.seed, 0, 0, stream="shards").permutation(count)

    def is_full(self, images: int, size: int) -> bool:
        """Whether a shard of so many images and bytes is closed."""
        return images >= self.images if self.megabytes is None else size >= self.megabytes * 10**6


class ShardWriter:
    """Writes what is missing of a source's shards.

    Args:
        source: The images; it has their files (:class:`~datamodules.seams.image_files.ImageFiles`).
        folder: Where shards are written.
        layout: How.

    Raises:
        DataError: If the source's images are no files, or their names cannot be keys.
    """

    def __init__(self, source: FaceSource, folder: Path, layout: ShardLayout) -> None:
        if not isinstance(source, ImageFiles):
            raise DataError(f"Expected a folder, RecordIO pack or shards of image files, got {type(source).__name__}")
        self._names = ShardNames(source, layout.names)
        self._names.check()
        self._encoded: Callable[[int], bytes] = source.encoded
        self._identities = source.identities
        self._folder, self._layout = folder, layout
        self.order = layout.order(len(source))
        """Images of the source in the order in which they are written, ``(N,)``."""

    def settings(self) -> dict[str, Any]:
        """Return what the shards depend on."""
        return {
            **asdict(self._layout),
            "source_images": len(self.order),
            "source_identities": crc32(self._identities.tobytes()),
        }

    def write(self, workers: int = 1, wrote: Wrote = lambda number: None) -> Iterator[ShardContents]:
        """Yield every shard in turn, written unless it is there.

        Args:
            workers: Threads that read.
            wrote: Is told of every image that is in a shard.

        Raises:
            DataError: If an image cannot be read, or a shard that is there is another one.
            OSError: If a shard cannot be written.
        """
        place = number = 0
        with ThreadPoolExecutor(workers) as pool:
            while place < len(self.order):
                path = self._folder / f"shard-{number:06d}.tar"
                if not path.exists():
                    self._write_one(path, place, pool)
                shard = look_at_shard(path)
                self._compare(path, shard, place)
                wrote(len(shard.offsets))
                place, number = place + len(shard.offsets), number + 1
                yield shard

    def _write_one(self, path: Path, place: int, pool: ThreadPoolExecutor) -> None:
        """Write a shard that begins with the image that is written as number ``place``."""
        from webdataset import TarWriter  # noqa: PLC0415  of a second, and only where shards are written

        images = size = 0
        with whole_file(path) as file, TarWriter(file, encoder=False, mtime=0) as shard:
            shard.tarstream.format = tarfile.USTAR_FORMAT  # a name that is not ASCII stays in its header, in UTF-8
            for index, data in self._read(place, pool):
                key, ending = self._names.key(index, place + images), self._names.ending(index, data)
                label = str(int(self._identities[index])).encode()
                shard.write({"__key__": key, "cls": label, ending: data})
                images, size = images + 1, size + len(data)
                if self._layout.is_full(images, size):
                    break

    def _read(self, place: int, pool: ThreadPoolExecutor) -> Iterator[tuple[int, bytes]]:
        for start in range(place, len(self.order), _PIECE):
            piece = self.order[start : start + _PIECE].tolist()
            yield from zip(piece, pool.map(self._encoded, piece), strict=True)

    def _compare(self, path: Path, shard: ShardContents, place: int) -> None:
        """Refuse a shard that is there and holds other images."""
        images = self.order[place : place + len(shard.offsets)].tolist()
        keys = (self._names.key(index, place + number) for number, index in enumerate(images))
        if shard.keys_sha256 != keys_digest(keys) or shard.labels != self._identities[images].tolist():
            raise DataError(f"{path}: expected the shard that the same command has begun, got other images")


def claim(folder: Path, settings: dict[str, Any], name: str) -> None:
    """Make a folder one that shards with these settings are written to, or go on with.

    Args:
        folder: Made where it is missing.
        settings: What the shards depend on.
        name: Of the file that says so while they are written.

    Raises:
        DataError: If it has other files, or shards with other settings were begun there.
    """
    path = folder / name
    text = json.dumps(settings, indent=1) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        begun = path.read_text(encoding="utf-8") if path.exists() else None
        if begun is None and not all(_is_unfinished(file, name) for file in folder.iterdir()):
            raise DataError(f"{folder}: expected an empty folder, or one that the same command has begun, got files")
        if begun not in (None, text):
            raise DataError(f"{folder}: expected the settings that shards were begun with there ({name}), got others")
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise DataError(f"{folder}: expected a folder to write to, got {error.strerror}") from None


def _is_unfinished(file: Path, name: str) -> bool:
    """Whether a file is what a process that was killed has left of the one of that name."""
    return file.name.startswith(f".{name}.") and file.name.endswith(".tmp")
