"""Images a second out of a folder, a RecordIO pack and shards, in the order of a training, from a disk and from memory.

    python -m experiments.benchmarks.source_speed [--data FOLDER] [--images 20000] [--window 4096] [--repeats 3]
        [--out FOLDER]

``--data`` is a folder of one sub-folder per identity; without it, generated faces of 112 × 112 are written as JPEG
files first. Its images are written, again and again until they are as many, as a folder, as a pack and as shards below
``--out``, by default the system's temporary folder, and read by one process: cold, after the system was asked to forget
the files, and warm. All three are measured in turn in each repeat; printed are the median rates by the clock and, of
warm files with decoding, by processor time.
"""

import os
import pickle
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import numpy as np
from rich.table import Table

from datamodules.sampler import Draw, EpochSampler
from datamodules.shard_sampler import ShardSampler, runs_of
from datamodules.sources import ImageFolder, RecordIO, Shards
from datamodules.sources.shards.shard_indexing import write_shards
from datamodules.sources.shards.shard_writer import ShardLayout
from experiments.benchmarks.benchmark import parse_options, print_table, seconds
from experiments.benchmarks.pipeline import write_faces
from experiments.cli.user_errors import main as run_command

Source = ImageFolder | RecordIO | Shards
Rates = dict[str, list[float]]
MAGIC = struct.pack("<I", 0xCED7230A)
PER_IDENTITY = 100
KINDS: Mapping[str, Callable[[Path], Source]] = {"folder": ImageFolder, "RecordIO": RecordIO, "shards": Shards}


def main() -> None:
    """Write, measure and print."""
    options = parse_options(__doc__, data="", images=20_000, window=4096, repeats=3, out="")
    with tempfile.TemporaryDirectory(dir=options.out or None) as folder:
        root = Path(folder)
        written(root, ImageFolder(options.data or write_faces(root / "faces")), options.images)
        rates: dict[str, Rates] = {kind: {} for kind in KINDS}
        for epoch in range(options.repeats):
            for kind, opened in KINDS.items():
                for name, rate in measured(opened, root / kind, epoch, options.window).items():
                    rates[kind].setdefault(name, []).append(rate)
    table = Table("images/s", *next(iter(rates.values())), title=f"{options.images:,} images, one process")
    for kind, found in rates.items():
        table.add_row(kind, *(f"{median(values):,.0f}" for values in found.values()))
    print_table(table)


def written(root: Path, faces: ImageFolder, images: int) -> None:
    """Write as many images, each under many names where there are fewer, as a folder, a pack and shards."""
    for number in range(images):
        path = root / f"folder/{number // PER_IDENTITY:06d}/{number:09d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(faces.encoded(number % len(faces)))
    source = ImageFolder(root / "folder")
    write_pack(root / "RecordIO", source)
    # about as many shards in a small set as a large one has in a window's lanes
    write_shards(source, root / "shards", ShardLayout(images=max(1, images // 20)))


def write_pack(folder: Path, source: ImageFolder) -> None:
    """Write a RecordIO pack of images only, with its index."""
    folder.mkdir()
    offsets = []
    with (folder / "train.rec").open("wb") as file:
        for index in range(len(source)):
            payload = struct.pack("<IfQQ", 0, float(source.identities[index]), index, 0) + source.encoded(index)
            if MAGIC in payload:
                raise ValueError(f"Expected an image without the bytes {MAGIC.hex()}, got {source.name(index)}")
            offsets.append(file.tell())
            file.write(MAGIC + struct.pack("<I", len(payload)) + payload + bytes(-len(payload) % 4))
    (folder / "train.idx").write_text("".join(f"{key}\t{offset}\n" for key, offset in enumerate(offsets)))


def measured(opened: Callable[[Path], Source], folder: Path, epoch: int, window: int) -> dict[str, float]:
    """Return the rates of opening a source and of reading all its images in the order of an epoch."""
    forget(folder)
    rates = {"opened, cold": 1 / seconds(lambda: opened(folder), time.perf_counter)}
    source: Source = pickle.loads(pickle.dumps(opened(folder)))  # noqa: S301  without what it has mapped, which would stay
    if isinstance(source, Shards):
        source.shuffle_window = window
    forget(folder)
    rates["opened, cold"] *= len(source)
    for name, read, clock in (
        ("read, cold", source.encoded, time.perf_counter),
        ("read, warm", source.encoded, time.perf_counter),
        ("read and decoded, a core's second", source.image, time.process_time),
    ):
        rates[name] = len(source) / seconds(lambda read=read: walk(source, epoch, read), clock)  # type: ignore[misc]  # mypy infers no default
    return rates


def walk(source: Source, epoch: int, read: Callable[[int], object]) -> None:
    """Read all images in the order of an epoch."""
    for draw in order(source, epoch):
        read(draw.position)


def order(source: Source, epoch: int) -> Iterator[Draw]:
    """Return the order in which a training draws images."""
    runs = runs_of(source, np.arange(len(source)))
    sampler = EpochSampler(source.identities) if runs is None else ShardSampler(runs)
    sampler.set_epoch(epoch)
    return iter(sampler)


def forget(folder: Path) -> None:
    """Ask the system to drop files from its cache, which it does where they are on the disk."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    run_command(lambda _: main())
