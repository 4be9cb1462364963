"""A whole LFW-occ in a folder, by several processes: made, resumed where that was interrupted, and checked."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2

from datamodules.errors import DataError
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES
from datamodules.protocols.lfw_occ.made_protocol import read_settings
from datamodules.protocols.lfw_occ.manifest import (
    MANIFEST,
    SETTINGS,
    ManifestRows,
    image_path,
    label_path,
    read_manifest,
    write_manifest,
)
from datamodules.protocols.lfw_occ.occluded_faces import numbered_pairs
from datamodules.protocols.lfw_occ.pair_chunk import PARTS, Item, PairChunk, check_chunk, make_chunk, versions
from datamodules.protocols.lfw_occ.pair_occluder import PairOccluder
from datamodules.whole_file import write_whole

CHUNK = 100
"""Images that a process makes at a time."""
Result = TypeVar("Result")


class Made(NamedTuple):
    """How many images were made, and how many were there."""

    images: int
    there: int


class Check(NamedTuple):
    """How many images a folder should hold, and a line for each difference, found as they are asked for."""

    images: int
    differences: Iterator[str]


def pair_occluders(settings: Mapping[str, Any]) -> list[PairOccluder]:
    """Return what covers the images of each category.

    Args:
        settings: ``categories``, ``seed``, ``severity`` and ``landmarks``.

    Raises:
        ValueError: If one of them is out of range, or a category is there twice.
    """
    categories = list(settings["categories"])
    if len(set(categories)) < len(categories):
        raise ValueError(f"Expected every category once, got {' '.join(categories)}")
    return [PairOccluder(c, settings["seed"], settings["severity"], settings["landmarks"]) for c in categories]


def make_folder(
    folder: Path, root: Path, pairs: Path, occluders: Sequence[PairOccluder], *, size: int, workers: int = 1
) -> Made:
    """Make what a folder lacks, then its manifest.

    Args:
        folder: Where to; it may hold a part of the images already.
        root: Folder of LFW's images.
        pairs: LFW's list of pairs.
        occluders: What covers the images, one for each category.
        size: Height and width of the images.
        workers: Processes.

    Raises:
        DataError: If pairs or images cannot be used, or the folder cannot be written to or has other settings.
    """
    items = numbered_pairs(root, pairs, allow_missing=False).items()
    _claim(folder, _settings(occluders, size, pairs))
    done = _done(folder)
    chunks = []
    for occluder in occluders:
        todo = [item for item in items if not _is_made(folder, occluder.category, item, done)]
        chunks += [PairChunk(folder, root, occluder, size, some, []) for some in _split(todo)]
    rows = {**done, **{row.key: row for made in _each(make_chunk, chunks, workers) for row in made}}
    write_manifest(folder / MANIFEST, [rows[occluder.category, item[0]] for occluder in occluders for item in items])
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    images = sum(len(chunk.items) for chunk in chunks)
    return Made(images, len(items) * len(occluders) - images)


def check_folder(folder: Path, root: Path, pairs: Path, *, workers: int = 1) -> Check:
    """Draw everything again and compare it with a made folder.

    Args:
        folder: A made folder.
        root: Folder of LFW's images.
        pairs: LFW's list of pairs.
        workers: Processes.

    Raises:
        DataError: If the folder is none, or pairs or images cannot be used.
        ValueError: If its settings are none.
    """
    settings, rows = read_settings(folder), read_manifest(folder / MANIFEST)
    items = numbered_pairs(root, pairs, allow_missing=False).items()
    chunks = [
        PairChunk(folder, root, occluder, settings["size"], some, [rows.get((occluder.category, i[0])) for i in some])
        for occluder in pair_occluders(settings)
        for some in _split(items)
    ]
    expected = {(category, item[0]) for category in settings["categories"] for item in items}

    def differences() -> Iterator[str]:
        yield from (
            f"{category}, pair {pair}: not in {pairs}" for category, pair in rows if (category, pair) not in expected
        )
        for lines in _each(check_chunk, chunks, workers):
            yield from lines

    return Check(len(expected), differences())


def other_versions(folder: Path) -> str:
    """Say what made a folder where it is not what runs here."""
    made_with = json.loads((folder / SETTINGS).read_text(encoding="utf-8")).get("made_with", {})
    here = versions()
    return "; ".join(f"{k} {made_with.get(k)}, here {v}" for k, v in here.items() if made_with.get(k) != v)


def _settings(occluders: Sequence[PairOccluder], size: int, pairs: Path) -> dict[str, Any]:
    first = occluders[0]
    instances = "".join(category.sha256 for category in LFW_OCC_CATEGORIES.values())
    return {
        "categories": [occluder.category for occluder in occluders],
        "severity": first.severity,
        "seed": first.seed,
        "size": size,
        "landmarks": first.landmarks,
        "pairs_sha256": sha256(pairs.read_bytes()).hexdigest(),
        "instances_sha256": sha256(instances.encode()).hexdigest(),
    }


def _claim(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the settings into a folder, which may have no others."""
    path = folder / SETTINGS
    before = read_settings(folder) if path.exists() else settings
    for key, value in settings.items():
        if before.get(key) != value:
            raise DataError(
                f"{folder}: expected the settings that it was made with, {key} {before.get(key)}, got {value}"
            )
    try:
        write_whole(path, json.dumps({"settings": settings, "made_with": versions()}, indent=2) + "\n")
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that LFW-occ can be written to, got {error.strerror}") from error


def _done(folder: Path) -> ManifestRows:
    """Return the rows of an earlier run, whether it came to its end or not."""
    files = [folder / MANIFEST, *sorted((folder / PARTS).glob("*.csv"))]
    return {key: row for file in files if file.exists() for key, row in read_manifest(file).items()}


def _is_made(folder: Path, category: str, item: Item, done: ManifestRows) -> bool:
    row = done.get((category, item[0]))
    files = image_path(folder, category, item[0]), label_path(folder, category, item[0])
    return row is not None and row.image == item[2] and all(file.exists() for file in files)


def _split(items: list[Item]) -> Iterator[list[Item]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def _each(work: Callable[[PairChunk], Result], chunks: Sequence[PairChunk], workers: int) -> Iterator[Result]:
    """Yield the results in order; a single process is this one."""
    if workers < 2 or len(chunks) < 2:
        yield from map(work, chunks)
        return
    # forked from a server that imports once for all, not from this process, which may already run threads
    context = get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(work, chunks)


def _one_thread() -> None:
    cv2.setNumThreads(1)  # itself, as it is of no module, would be looked for in all modules that there are
