"""Writes RecordIO packs as dmlc's writer and InsightFace's packer lay them out, independently of the reader."""

import struct
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

MAGIC = struct.pack("<I", 0xCED7230A)

Label = float | Sequence[float]


def frame(payload: bytes) -> bytes:
    """Frame one payload as a record: split at every aligned magic word, which is dropped there."""
    cuts = [at for at in range(0, len(payload) - 3, 4) if payload[at : at + 4] == MAGIC]
    starts, ends = [0, *(at + 4 for at in cuts)], [*cuts, len(payload)]
    record = b""
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        kind = 0 if not cuts else 1 if number == 0 else 3 if number == len(cuts) else 2
        record += MAGIC + struct.pack("<I", kind << 29 | end - start) + payload[start:end]
    return record + bytes(-len(payload) % 4)


def pack(label: Label, image: bytes, *, key: int = 0) -> bytes:
    """Put mxnet's image header before an image: a scalar label in it, an array of labels behind it."""
    if isinstance(label, Sequence):
        return struct.pack(f"<IfQQ{len(label)}f", len(label), 0.0, key, 0, *label) + image
    return struct.pack("<IfQQ", 0, label, key, 0) + image


def write_records(root: Path, payloads: Iterable[tuple[int, bytes]], *, index: bool = True) -> list[int]:
    """Write ``train.rec`` of (key, payload) and perhaps ``train.idx``; return the byte offsets."""
    root.mkdir(parents=True, exist_ok=True)
    offsets, data, lines = [], b"", ""
    for key, payload in payloads:
        offsets.append(len(data))
        lines += f"{key}\t{len(data)}\n"
        data += frame(payload)
    (root / "train.rec").write_bytes(data)
    if index:
        (root / "train.idx").write_text(lines)
    return offsets


def insightface_records(images: Sequence[bytes], labels: Sequence[Label]) -> list[tuple[int, bytes]]:
    """Lay out (key, payload): header record 0, images from 1, then the image range of every run of one label."""
    stop = len(images) + 1
    names = [label[0] if isinstance(label, Sequence) else label for label in labels]
    runs = [[key for key, _ in run] for _, run in groupby(enumerate(names, start=1), key=lambda item: item[1])]
    records = [(0, pack([stop, stop + len(runs)], b"", key=0))]
    records += [(k, pack(label, image, key=k)) for k, (label, image) in enumerate(zip(labels, images, strict=True), 1)]
    records += [(k, pack([run[0], run[-1] + 1], b"", key=k)) for k, run in enumerate(runs, stop)]
    return records


def write_recordio(
    root: Path,
    images: Sequence[bytes],
    labels: Sequence[Label],
    *,
    header: bool = True,
    index: bool = True,
    classes: int | None = None,
) -> list[int]:
    """Write a pack of encoded images into ``root``; return the byte offsets of its records.

    With ``header`` the layout is InsightFace's, without it mxnet's im2rec's: images only, with keys from 0.
    ``classes`` writes a ``property`` file with that count.
    """
    plain = [(k, pack(label, image, key=k)) for k, (label, image) in enumerate(zip(labels, images, strict=True))]
    offsets = write_records(root, insightface_records(images, labels) if header else plain, index=index)
    if classes is not None:
        (root / "property").write_text(f"{classes},112,112")
    return offsets
