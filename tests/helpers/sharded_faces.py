"""Shards of small sets: written by the suite, and laid out by hand as others write them."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from datamodules.sources import ImageFolder, Shards
from datamodules.sources.shards.shard_indexing import write_shards
from datamodules.sources.shards.shard_writer import ShardLayout

IN_ORDER = ShardLayout(images=5, shuffle=False)


def write_tar(path: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    """Write a tar file with these files, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in files:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return path


def sharded(folder: Path, out: Path, layout: ShardLayout = IN_ORDER) -> Shards:
    """Write the images of a folder as shards."""
    write_shards(ImageFolder(folder), out, layout)
    return Shards(out)
