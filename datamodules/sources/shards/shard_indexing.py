"""Makes folders of shards into datasets: their own images' shards, or those that somebody else has written."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from datamodules.errors import DataError
from datamodules.seams.face_source import FaceSource
from datamodules.sources.landmarks import LandmarkSource
from datamodules.sources.shards.shard_contents import ShardContents, look_at_shard, sha256_of
from datamodules.sources.shards.shard_index import ShardIndex, write_array, write_index
from datamodules.sources.shards.shard_manifest import BEGUN, MANIFEST, ShardManifest, read_manifest, write_manifest
from datamodules.sources.shards.shard_writer import ShardLayout, ShardWriter, Wrote, claim
from datamodules.whole_file import write_whole

_NUMBER = re.compile(r"(\d+)\.tar$")


def write_shards(
    source: FaceSource,
    folder: Path,
    layout: ShardLayout,
    *,
    landmarks: LandmarkSource | None = None,
    beside: Mapping[str, Any] | None = None,
    workers: int = 1,
    wrote: Wrote = lambda number: None,
) -> ShardManifest:
    """Write a source's images as shards with their index, or go on where that was interrupted.

    Args:
        source: The images.
        folder: Where to; empty, missing, or begun by the same call.
        layout: How images are put into shards.
        landmarks: Landmarks to put into the index, by the images' names alone; ``None`` for none.
        beside: What files beside the shards are to say in JSON, by their names.
        workers: Threads that read.
        wrote: Is told how many more images are in shards.

    Returns:
        What is there; where all was, what was.

    Raises:
        DataError: If the images cannot be written as shards, or the folder has others.
        OSError: If something cannot be written.
    """
    writer = ShardWriter(source, folder, layout)
    points = None if landmarks is None else _points(source, landmarks, writer.order)
    settings = {**writer.settings(), "landmarks": None if points is None else crc32(points.tobytes()), "beside": beside}
    if (folder / MANIFEST).exists():
        return _same(folder, settings)
    claim(folder, settings, BEGUN)
    files, identities = write_index(folder, writer.write(workers, wrote), source.identity_names)
    if points is not None:
        write_array(folder, "landmarks", points)
    for name, said in (beside or {}).items():
        write_whole(folder / name, json.dumps(said, indent=2) + "\n")
    manifest = ShardManifest(files, identities, points is not None, settings)
    write_manifest(folder, manifest)
    (folder / BEGUN).unlink(missing_ok=True)
    return manifest


def index_shards(
    folder: Path,
    *,
    pattern: str = "*.tar",
    label: str | None = None,
    workers: int = 1,
    read: Wrote = lambda number: None,
) -> ShardManifest:
    """Index shards that are there, or again; names of identities that the suite wrote are kept.

    Args:
        folder: Where they are.
        pattern: Names of the shards.
        label: Field of the samples' ``.json`` that names the identity, see
            :func:`~.shard_contents.look_at_shard`.
        workers: Processes that read.
        read: Is told how many more images have been found.

    Raises:
        DataError: If there is none, one is missing between the numbers of two, or is damaged.
        OSError: If the index cannot be written.
    """
    paths = sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise DataError(f"{folder}: expected shards named {pattern}, got none")
    if (folder / BEGUN).exists() and not (folder / MANIFEST).exists():
        raise DataError(f"{folder}: expected all shards, got those of an interrupted command: repeat it")
    _check_numbers(paths)
    ours = _written_here(folder)
    names = None if ours is None else _names_of(folder, ours)
    files, identities = write_index(folder, _look_at_all(paths, label, workers, read), names)
    unchanged = ours is not None and ours.landmarks and list(ours.shards) == files
    manifest = ShardManifest(files, identities, unchanged, ours.written if ours is not None else None)
    write_manifest(folder, manifest)
    return manifest


def check_shards(folder: Path, read: Wrote = lambda number: None) -> None:
    """Read all shards of a folder and compare them with what was indexed.

    Raises:
        DataError: If one is missing or has changed.
    """
    for shard in read_manifest(folder).shards:
        if sha256_of(folder / shard.name) != shard.sha256:
            raise DataError(f"{folder / shard.name}: expected the bytes that were indexed, got others")
        read(shard.images)


def _same(folder: Path, settings: Mapping[str, Any]) -> ShardManifest:
    found = read_manifest(folder)
    if found.written != settings:
        raise DataError(f"{folder}: expected an empty folder, got shards of other images or settings ({MANIFEST})")
    return found


def _points(source: FaceSource, landmarks: LandmarkSource, order: NDArray[np.int64]) -> NDArray[np.float32]:
    points = np.empty((len(order), 5, 2), np.float32)
    for place, index in enumerate(order.tolist()):
        points[place] = landmarks(source, index, 0, 0)  # of a table or of the source: the image's size changes nothing
    return points


def _written_here(folder: Path) -> ShardManifest | None:
    """Return what the suite wrote there, ``None`` where the shards are somebody else's or nobody knows."""
    try:
        found = read_manifest(folder)
    except DataError:
        return None
    return found if found.written is not None else None


def _names_of(folder: Path, manifest: ShardManifest) -> Sequence[str] | None:
    """Return what identities were called, ``None`` where that is lost: they are then called by their labels."""
    try:
        return ShardIndex(folder, 0, manifest.identities).identity_names
    except DataError:
        return None


def _check_numbers(paths: Sequence[Path]) -> None:
    """Refuse numbered shards of which one is missing between the least and the greatest."""
    found = [_NUMBER.search(path.name) for path in paths]
    beginnings = {path.name[: match.start()] for path, match in zip(paths, found, strict=True) if match}
    for beginning in beginnings:
        numbers = {int(m[1]) for path, m in zip(paths, found, strict=True) if m and path.name[: m.start()] == beginning}
        missing = sorted(set(range(min(numbers), max(numbers) + 1)) - numbers)
        if missing:
            raise DataError(
                f"{paths[0].parent / beginning}*.tar: expected shards {min(numbers)} to {max(numbers)}, got none with "
                f"number {missing[0]}"
            )


def _look_at_all(paths: Sequence[Path], label: str | None, workers: int, read: Wrote) -> Iterator[ShardContents]:
    look = partial(look_at_shard, label=label)
    with ProcessPoolExecutor(workers, get_context("forkserver")) if workers > 1 else nullcontext() as pool:
        for shard in pool.map(look, paths) if pool else map(look, paths):
            read(len(shard.offsets))
            yield shard
