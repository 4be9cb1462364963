"""Makes and checks images of LFW-occ, some at a time, so that several processes can share them."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from datamodules.errors import DataError
from datamodules.protocols.lfw_occ.frozen_instances import pixels_hash
from datamodules.protocols.lfw_occ.made_protocol import read_image, read_label_map
from datamodules.protocols.lfw_occ.manifest import (
    MANIFEST,
    ManifestRow,
    image_path,
    label_path,
    row_of,
    write_manifest,
)
from datamodules.protocols.lfw_occ.occluded_faces import prepared
from datamodules.protocols.lfw_occ.pair_occluder import PairOccluder
from datamodules.seams.face_source import UInt8Image
from datamodules.sources.decode import decode_image
from datamodules.whole_file import write_whole

PARTS = ".parts"
"""Folder of the rows of what is made already, until the manifest holds them."""
_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]
_BILEVEL = [cv2.IMWRITE_PNG_BILEVEL, 1]

Item = tuple[int, int, str]
"""Number and fold of a pair, from 1, and path of its right image."""


class PairChunk(NamedTuple):
    """What one process does at a time."""

    folder: Path
    root: Path
    occluder: PairOccluder
    size: int
    items: list[Item]
    rows: list[ManifestRow | None]
    """What a manifest has of each, to be checked; empty while making."""


def _drawn(chunk: PairChunk) -> Iterator[tuple[UInt8Image, UInt8Image, ManifestRow]]:
    """Yield image, label map and row of every item."""
    occluder = chunk.occluder
    for item in chunk.items:
        path = chunk.root / item[2]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: expected an image file, got {error.strerror}") from None
        original = decode_image(data, name=str(path))
        drawing = occluder.draw(item[0], (chunk.size, chunk.size))
        image = occluder.cover(prepared(original, chunk.size, name=str(path)), drawing)
        yield image, drawing.label_map, row_of(item, occluder.category, occluder.seed, drawing, original, image)


def versions() -> dict[str, str]:
    """Return what the bits of an image may depend on: the decoder; and what else made it, for the record."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    decoder = re.search(r"^\s*JPEG:\s*(.+?)\s*$", cv2.getBuildInformation(), re.MULTILINE)
    return {
        "suite": f"{project['name']} {project['version']}",
        "opencv": cv2.__version__,
        "jpeg_decoder": decoder[1] if decoder else "unknown",
        "simplejpeg": version("simplejpeg"),
        "numpy": np.__version__,
    }


def make_chunk(chunk: PairChunk) -> list[ManifestRow]:
    """Write images and label maps, then their rows to a file of their own; return the rows."""
    rows = []
    for image, label_map, row in _drawn(chunk):
        write_whole(image_path(chunk.folder, *row.key), _png(image[..., ::-1], _FAST_PNG), lasting=False)
        write_whole(label_path(chunk.folder, *row.key), _png(label_map * np.uint8(255), _BILEVEL), lasting=False)
        rows.append(row)
    write_manifest(chunk.folder / PARTS / f"{chunk.occluder.category}-{chunk.items[0][0]}.csv", rows)
    return rows


def check_chunk(chunk: PairChunk) -> list[str]:
    """Return a line for each difference between what is drawn here and rows and files of a made folder."""
    lines: list[str] = []
    for (_, _, here), known in zip(_drawn(chunk), chunk.rows, strict=True):
        where = f"{here.category}, pair {here.pair}"
        if known is None:
            lines.append(f"{where}: no row in {MANIFEST}")
            continue
        lines += [
            f"{where}: {name}: {MANIFEST} has {there}, drawn here {value}"
            for name, there, value in zip(ManifestRow._fields, known, here, strict=True)
            if there != value
        ]
        lines += _file_differences(chunk.folder, known)
    return lines


def _file_differences(folder: Path, row: ManifestRow) -> Iterable[str]:
    for path, read, expected in (
        (image_path(folder, *row.key), read_image, row.sha256),
        (label_path(folder, *row.key), read_label_map, row.label_sha256),
    ):
        try:
            found = pixels_hash(read(path))
        except DataError as error:
            yield str(error)
            continue
        if found != expected:
            yield f"{path}: {MANIFEST} has {expected}, the file {found}"


def _png(pixels: UInt8Image, options: list[int]) -> bytes:
    return cv2.imencode(".png", pixels, options)[1].tobytes()
