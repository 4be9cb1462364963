"""Tar shards with an image, labels and odd headers: what may be changed in them, and what reads it."""

import io
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datamodules.sources import Shards
from datamodules.sources.decode import decode_image
from datamodules.sources.shards.member_name import BLOCK, LOOKED_BACK, member_name
from datamodules.sources.shards.shard_contents import look_at_shard
from datamodules.sources.shards.shard_indexing import index_shards
from tests.at_scale.mutations import Generator, mutate

_SUM = slice(148, 156)


def kinds(data: bytes) -> dict[str, tuple[Any, ...]]:
    """Return the arguments of each kind of file, by name: shards in the forms of tar, and what an index is made of."""
    index = indexed(data)
    parts = tuple(name for name in index if not name.endswith(".tar"))
    forms = {"USTAR": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "PAX": tarfile.PAX_FORMAT}
    tars = {f"{name} shard": {"0.tar": shard(data, form)} for name, form in forms.items()}
    found: dict[str, tuple[Any, ...]] = {name: (files, read, (), False, 1.0, changed) for name, files in tars.items()}
    return found | {"index of shards": (index, read_indexed, parts, False, 1.0, array)}


def shard(data: bytes, form: int) -> bytes:
    """Return a shard of three samples in one of tarfile's formats, with long names where they have extensions."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for number, label in enumerate((b"3", b"3", b'{"label": "Ada"}')):
            key = f"{'long/' * 30}{number}" if number == 1 and form != tarfile.USTAR_FORMAT else f"p/{number}"
            for ending, content in (("json" if number == 2 else "cls", label), ("jpg", data)):
                header = tarfile.TarInfo(f"{key}.{ending}")
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
    return file.getvalue()


def indexed(data: bytes) -> Mapping[str, bytes]:
    """Return a folder of two shards and their index, by path."""
    with TemporaryDirectory() as folder:
        for number in range(2):
            (Path(folder) / f"{number}.tar").write_bytes(shard(data, tarfile.USTAR_FORMAT))
        index_shards(Path(folder))
        found = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def changed(data: bytes, generator: Generator) -> bytes:
    """Change a shard anywhere or, with the right sum, in a header: a wrong one would be all that is seen."""
    if generator.random() < 0.3:
        return mutate(data, generator)
    heads = [place for place in range(0, len(data), 512) if data[place + 257 : place + 262] == b"ustar"]
    place = heads[int(generator.integers(len(heads)))]
    field = (0, 100), (100, 108), (124, 136), (124, 136), (136, 148), (156, 157), (157, 257), (345, 500), (0, 512)
    start, stop = field[int(generator.integers(len(field)))]
    part = mutate(data[place + start : place + stop], generator, text=bool(generator.integers(2)))
    part = part[: stop - start].ljust(stop - start, b"\0")
    head = bytearray(data[place : place + 512])
    head[start:stop] = part
    head[_SUM] = b" " * 8
    head[_SUM] = b"%06o\0 " % sum(head)
    return data[:place] + bytes(head) + data[place + 512 :]


def read(folder: Path) -> None:
    """Find the images of a shard, decode them and ask for their names."""
    found, data = look_at_shard(folder / "0.tar"), (folder / "0.tar").read_bytes()
    for offset, size in zip(found.offsets.tolist(), found.sizes.tolist(), strict=True):
        decode_image(data[offset : offset + size], name="0.tar")
        member_name(data[max(offset % BLOCK, offset - LOOKED_BACK) : offset], "")


def read_indexed(folder: Path) -> None:
    """Decode all images of shards, and ask for all else that an index says."""
    shards = Shards(folder)
    for index in range(len(shards)):
        shards.will_need(index, index + 1)
        (shards.name(index), shards.image(index), shards.identity_names[shards.identities[index]])


def array(data: bytes, generator: Generator) -> bytes:
    """Change text as text, and of an array a number."""
    if not data.startswith(b"\x93NUMPY") or generator.random() < 0.3:
        return mutate(data, generator, text=not data.startswith(b"\x93NUMPY"))
    place = 128 + 4 * int(generator.integers((len(data) - 128) // 4))
    number = struct.pack("<I", int(generator.choice([0, 1, 511, 512, 1 << 31, (1 << 32) - 1])))
    return data[:place] + number + data[place + 4 :]
