"""Make LFW-occ: occluded right images of LFW's pairs, their label maps, and a manifest by which others can check them.

    python -m experiments.make_lfw_occ --root LFW --pairs pairs.txt --out FOLDER [--categories sunglasses scarf …]
                                       [--severity low|medium|high] [--seed 0] [--size 112] [--landmarks lfw]
                                       [--workers 2]
    python -m experiments.make_lfw_occ --root LFW --pairs pairs.txt --check FOLDER [--workers 2]

The first command goes on where it was interrupted. The second draws everything again, compares it with the folder's
manifest and images, prints a line for each difference and exits with status 1 if there is one. See docs/lfw_occ.md.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import cv2

from callbacks.run_files import write_json
from datamodules.dataset import SMALLEST_SIDE
from datamodules.protocols.lfw_occ.frozen_instances import PIXELS, WINDOWS
from datamodules.protocols.lfw_occ.made_protocol import read_settings
from datamodules.protocols.lfw_occ.manifest import (
    MANIFEST,
    SETTINGS,
    Rows,
    image_path,
    label_path,
    read_manifest,
    write_manifest,
)
from datamodules.protocols.lfw_occ.occluded_faces import numbered_pairs
from datamodules.protocols.lfw_occ.pair_chunk import PARTS, Chunk, Item, check_chunk, make_chunk, versions
from datamodules.protocols.lfw_occ.pair_occluder import SEVERITIES, PairOccluder
from experiments.cli import UserError, main
from experiments.errors import check_outside, check_writable
from experiments.launch import Parser

CHUNK = 100
Result = TypeVar("Result")


def make_lfw_occ(args: Sequence[str]) -> None:
    """Make or check.

    Raises:
        UserError: If an option is wrong, the folder cannot be written to or was made with other settings, or a check
            finds a difference.
        DataError: If pairs or images cannot be used.
    """
    options = _parse(args)
    if options.check is not None:
        check(options.check, options.root, options.pairs, workers=options.workers)
        return
    if options.size < SMALLEST_SIDE:
        raise UserError(f"Expected `--size` of at least {SMALLEST_SIDE}, got {options.size}")
    check_outside(options.out, "--root", options.root)
    occluders = _occluders(vars(options))
    make(options.out, options.root, options.pairs, occluders, size=options.size, workers=options.workers)


def make(
    folder: Path, root: Path, pairs: Path, occluders: Sequence[PairOccluder], *, size: int, workers: int = 1
) -> None:
    """Make what the folder lacks, then its manifest; see this module's command."""
    items = numbered_pairs(root, pairs, allow_missing=False).items()
    settings = _settings(occluders, size, pairs)
    _check_settings(folder, settings)
    check_writable(folder, "LFW-occ")
    write_json(folder / SETTINGS, {"settings": settings, "made_with": versions()})
    done = _done(folder)
    chunks, started = [], time.perf_counter()
    for occluder in occluders:
        todo = [item for item in items if not _is_made(folder, occluder.category, item, done)]
        chunks += [Chunk(folder, root, occluder, size, todo[i : i + CHUNK], []) for i in range(0, len(todo), CHUNK)]
    rows = {**done, **{row.key: row for made in _each(make_chunk, chunks, workers) for row in made}}
    write_manifest(folder / MANIFEST, [rows[occluder.category, item[0]] for occluder in occluders for item in items])
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    made, seconds = sum(len(chunk.items) for chunk in chunks), time.perf_counter() - started
    print(f"{folder}: {made} images made in {seconds:.1f} s, {len(items) * len(occluders) - made} were there")


def check(folder: Path, root: Path, pairs: Path, *, workers: int = 1) -> None:
    """Draw everything again and compare it with a made folder; print a line for each difference.

    Raises:
        UserError: If there is a difference.
        DataError: If the folder is none, or pairs or images cannot be used.
    """
    settings, rows = read_settings(folder), read_manifest(folder / MANIFEST)
    items = numbered_pairs(root, pairs, allow_missing=False).items()
    chunks = [
        Chunk(folder, root, occluder, settings["size"], some, [rows.get((occluder.category, item[0])) for item in some])
        for occluder in _occluders(settings)
        for some in (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
    ]
    expected = {(category, item[0]) for category in settings["categories"] for item in items}
    found = [f"{category}, pair {pair}: not in {pairs}" for category, pair in rows if (category, pair) not in expected]
    print("".join(f"{line}\n" for line in found), end="")
    for lines in _each(check_chunk, chunks, workers):
        found += lines
        print("".join(f"{line}\n" for line in lines), end="")
    if found:
        raise UserError(f"{folder}: expected what is drawn here, got {len(found)} differences{_other_versions(folder)}")
    print(f"{folder}: {len(expected)} images as the manifest tells")


def _occluders(settings: Mapping[str, Any]) -> list[PairOccluder]:
    categories = list(settings["categories"])
    if len(set(categories)) < len(categories):
        raise UserError(f"Expected every category once, got {' '.join(categories)}")
    try:
        return [PairOccluder(c, settings["seed"], settings["severity"], settings["landmarks"]) for c in categories]
    except ValueError as error:
        raise UserError(str(error)) from error


def _settings(occluders: Sequence[PairOccluder], size: int, pairs: Path) -> dict[str, Any]:
    first = occluders[0]
    return {
        "categories": [occluder.category for occluder in occluders],
        "severity": first.severity,
        "seed": first.seed,
        "size": size,
        "landmarks": first.landmarks,
        "pairs_sha256": sha256(pairs.read_bytes()).hexdigest(),
        "instances_sha256": sha256("".join(PIXELS.values()).encode()).hexdigest(),
    }


def _check_settings(folder: Path, settings: dict[str, Any]) -> None:
    if not (folder / SETTINGS).exists():
        return
    before = read_settings(folder)
    for key, value in settings.items():
        if before.get(key) != value:
            raise UserError(
                f"{folder}: expected the settings that it was made with, {key} {before.get(key)}, got {value}"
            )


def _done(folder: Path) -> Rows:
    """Return the rows of an earlier run, whether it came to its end or not."""
    files = [folder / MANIFEST, *sorted((folder / PARTS).glob("*.csv"))]
    return {key: row for file in files if file.exists() for key, row in read_manifest(file).items()}


def _is_made(folder: Path, category: str, item: Item, done: Rows) -> bool:
    row = done.get((category, item[0]))
    files = image_path(folder, category, item[0]), label_path(folder, category, item[0])
    return row is not None and row.image == item[2] and all(file.exists() for file in files)


def _each(work: Callable[[Chunk], Result], chunks: Sequence[Chunk], workers: int) -> Iterator[Result]:
    """Yield the results in order; a single process is this one."""
    if workers < 2 or len(chunks) < 2:
        yield from map(work, chunks)
        return
    # forked from a server that imports once for all, not from this process, which may already run threads
    context = get_context("forkserver")
    context.set_forkserver_preload([make_chunk.__module__])
    with ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(work, chunks)


def _other_versions(folder: Path) -> str:
    """Say what made the folder where it is not what runs here."""
    made_with = json.loads((folder / SETTINGS).read_text(encoding="utf-8")).get("made_with", {})
    other = [
        f"{key} {made_with.get(key)}, here {value}" for key, value in versions().items() if made_with.get(key) != value
    ]
    return f" (made with {'; '.join(other)})" if other else ""


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m experiments.make_lfw_occ",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--root", type=Path, required=True, help="LFW's folder of aligned crops")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    folder = parser.add_mutually_exclusive_group(required=True)
    folder.add_argument("--out", type=Path, help="folder to make")
    folder.add_argument("--check", type=Path, help="folder to check")
    parser.add_argument("--categories", nargs="+", default=list(WINDOWS), help="categories, or several joined by +")
    parser.add_argument("--severity", choices=list(SEVERITIES), help="share of the face that is covered")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=112, help="height and width of the images, in pixels")
    parser.add_argument("--landmarks", default="lfw", help="where landmarks are in aligned crops")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    return parser.parse_args(args)


if __name__ == "__main__":
    main(make_lfw_occ)
