"""What the index of many million images in shards costs a training before its first image: time and memory.

    python -m experiments.benchmarks.shard_index_scale [--images 42000000] [--identities 360000] [--per-shard 10000]
        [--out FOLDER]

Writes an index of random sizes and identities, 20 bytes an image, and shards without content, which take no room on a
disk, below ``--out``, by default the system's temporary folder; 42 million images take 900 MB and memory of 3 GB. Then
does in turn what a training does, without looking at images: opens the set, splits its identities, makes the loader,
and draws from the first batch and from the middle of an epoch. Printed are seconds of processor time, the memory of
this process alone and the most that it had, and what a loading process has to itself after it has used 20,000 images.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from datamodules import FaceDataModule, ImageChecks, Loading, SplitSettings
from datamodules.sources import Shards
from datamodules.sources.shards.shard_index import write_array, write_names
from datamodules.sources.shards.shard_manifest import ShardFile, ShardManifest, write_manifest
from experiments.benchmarks.benchmark import parse_options, peak_memory, print_table
from experiments.cli.user_errors import main as run_command

USED = 20_000


def main() -> None:
    """Write, measure and print."""
    options = parse_options(__doc__, images=42_000_000, identities=360_000, per_shard=10_000, out="")
    table = Table("", "s of a core", "GiB of its own", "GiB at most", title=f"{options.images:,} images in shards")
    with tempfile.TemporaryDirectory(dir=options.out or None) as folder:
        written(Path(folder), options.images, options.identities, options.per_shard)
        for name, taken, own, most in steps(Path(folder)):
            table.add_row(name, f"{taken:.2f}", f"{own:.2f}", f"{most:.2f}")
    print_table(table)


def written(root: Path, images: int, identities: int, per_shard: int) -> None:
    """Write an index, and files of the right sizes."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(5_000, 15_000, images).astype(np.uint32)
    starts = [*range(0, images, per_shard), images]
    files, offsets = [], np.empty(images, np.uint64)
    for number, (first, stop) in enumerate(pairwise(starts)):
        ends = np.cumsum(2048 + sizes[first:stop].astype(np.uint64))
        offsets[first:stop] = ends - sizes[first:stop]
        file = ShardFile(f"shard-{number:06d}.tar", stop - first, int(ends[-1]) + 10_240, "")
        with (root / file.name).open("wb") as shard:
            shard.truncate(file.bytes)
        files.append(file)
    write_array(root, "offsets", offsets)
    write_array(root, "sizes", sizes)
    write_array(root, "identities", generator.integers(0, identities, images))
    write_names(root, [f"person {number}" for number in range(identities)])
    write_manifest(root, ShardManifest(files, identities, False, None))


def steps(root: Path) -> Iterator[tuple[str, float, float, float]]:
    """Yield what each step costs: its name, seconds, memory of this process after it and the most until then."""
    before, made = own_memory(), dict[str, Any]()

    def split() -> None:
        settings = SplitSettings(min_images=10, num_unseen=200)
        checks = ImageChecks(check_images=False)
        made["data"] = FaceDataModule(made["source"], split=settings, checks=checks, loading=Loading(num_workers=0))

    def draw(start: int = 0) -> None:
        sampler = made["loader"].sampler
        sampler.start = start
        next(iter(sampler))

    todo: dict[str, Callable[[], object]] = {
        "open": lambda: made.update(source=Shards(root)),
        "split": split,
        "make the loader": lambda: made.update(loader=made["data"].train_dataloader()),
        "draw the first": draw,
        "draw the one in the middle": lambda: draw(len(made["loader"].sampler) // 2),
    }
    for name, do in todo.items():
        began = time.process_time()
        do()
        yield name, time.process_time() - began, own_memory() - before, peak_memory()
    yield "a loading process", *of_a_worker(made["loader"].dataset), peak_memory()


def of_a_worker(dataset: Any) -> tuple[float, float]:
    """Return seconds and memory of its own of a process that looks up many images of a dataset."""
    read, write = os.pipe()
    if not os.fork():
        began = time.process_time()
        for position in np.random.default_rng(0).integers(0, len(dataset), USED).tolist():
            index = int(dataset.indices[position])
            (int(dataset.labels[position]), dataset.source.will_need(index, index + 1))
        os.write(write, json.dumps([time.process_time() - began, own_memory(written_to=True)]).encode())
        os._exit(0)
    os.wait()
    taken, own = json.loads(os.read(read, 1000))
    return taken, own


def own_memory(*, written_to: bool = False) -> float:
    """Return the GiB that no file stands for or, of a child, that it has written to and does not share."""
    text, name = Path("/proc/self/smaps_rollup").read_text(), "Private_Dirty" if written_to else "Anonymous"
    (kilobytes,) = re.findall(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(kilobytes) / 2**20


if __name__ == "__main__":
    run_command(lambda _: main())
