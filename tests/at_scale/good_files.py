"""Small good files of each kind that is read from strangers, as bytes."""

import io
import json
import pickle
import struct
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

from datamodules.protocols.lfw_occ.manifest import ManifestRow

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
_MAGIC = struct.pack("<I", 0xCED7230A)


def _face() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    ramp = np.add.outer(np.arange(16), np.arange(16)) * 8
    return np.stack([ramp, ramp.T[::-1], 255 - ramp], axis=-1).astype(np.uint8)


def encoded(kind: str) -> bytes:
    return cv2.imencode(kind, _face())[1].tobytes()


def _frame(payload: bytes) -> bytes:
    """Frame a record, in parts where the payload holds the magic word."""
    parts = [payload[at : at + 4] for at in range(0, len(payload), 4)]
    cuts = [4 * at for at, word in enumerate(parts) if word == _MAGIC]
    ends = [*zip([0, *(cut + 4 for cut in cuts)], [*cuts, len(payload)], strict=True)]
    record = b""
    for number, (start, end) in enumerate(ends):
        kind = 0 if not cuts else 1 if number == 0 else 3 if number == len(cuts) else 2
        record += _MAGIC + struct.pack("<I", kind << 29 | end - start) + payload[start:end]
    return record + bytes(-len(payload) % 4)


def pack() -> tuple[bytes, bytes]:
    """Return InsightFace's header, five images of three identities, one in parts, and their ranges; and the index."""
    heads = [struct.pack("<IfQQ2f", 2, 0, 0, 0, 6, 9)]
    heads += [struct.pack("<IfQQ", 0, label, key, 0) for key, label in enumerate((0, 0, 1, 2, 2), start=1)]
    heads += [struct.pack("<IfQQ2f", 2, 0, key, 0, *ends) for key, ends in enumerate(((1, 3), (3, 4), (4, 6)), start=6)]
    images = [b"", *(encoded(kind) for kind in (".jpg", ".png", ".jpg", ".webp", ".jpg")), b"", b"", b""]
    images[3] += bytes(-len(images[3]) % 4) + 2 * _MAGIC + b"tail"
    rec, idx = b"", b""
    for key, (head, image) in enumerate(zip(heads, images, strict=True)):
        idx += b"%d\t%d\n" % (key, len(rec))
        rec += _frame(head + image)
    return rec, idx


def headless_pack() -> bytes:
    """Return four images of two identities, and nothing else."""
    return b"".join(_frame(struct.pack("<IfQQ", 0, i // 2, i, 0) + encoded(".png")) for i in range(4))


def bin_set(protocol: int) -> bytes:
    image = encoded(".jpg")
    images = [image, image[:-2] + b"\0\xff\xd9"] + [image + bytes([i]) for i in range(18)]
    flags: object = [bool(i % 2) for i in range(10)] if protocol == 2 else np.arange(10) % 2 == 0
    return pickle.dumps((images, flags), protocol=protocol)


def landmark_rows(separator: str, *, header: bool = False) -> bytes:
    points = ["38.3", "51.7", "73.5", "51.5", "56.0", "71.7", "41.6", "92.4", "70.7", "92.2"]
    names = ["image", *(f"{axis}{i}" for i in range(1, 6) for axis in "xy")]
    rows = [names] * header + [[f"ann/{shot}.jpg", *points] for shot in range(3)]
    return "\n".join(separator.join(row) for row in rows).encode() + b"\n"


def map_archive() -> bytes:
    file = io.BytesIO()
    error = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    np.savez(
        file,
        allow_pickle=False,
        error=error,
        standard_error=error / 10,
        occluder_size=np.array([2, 4]),
        fill=np.zeros(3, np.float32),
        stride=np.int64(1),
        indices=np.arange(9),
        model=np.array("3f2a"),
        checkpoint=np.array("last.ckpt"),
    )
    return file.getvalue()


def manifest() -> bytes:
    rows = [
        ManifestRow(str(i), "1", f"ann/{i}.jpg", "cup", "3", "1 2 3 4 5 6", "0", "0.25", *["0a" * 32] * 3)
        for i in (1, 2)
    ]
    return "\n".join(",".join(row) for row in (ManifestRow._fields, *rows)).encode()


def weights() -> bytes:
    file = io.BytesIO()
    torch.save({"state_dict": {"weight": torch.zeros(2, 3), "bias": torch.ones(2)}, "epoch": 3}, file)
    return file.getvalue()


def experiments_file(name: str) -> bytes:
    return (EXPERIMENTS / name).read_bytes()


def sprite() -> bytes:
    return cv2.imencode(".png", np.full((12, 16, 4), 200, np.uint8))[1].tobytes()


PAIRS = b"1\t2\nann\t1\t2\nbea\t1\t2\nann\t1\tbea\t1\nann\t2\tbea\t3\n"
CSV_PAIRS = b"first,second,same,fold\nann/ann_0001.png,ann/ann_0002.png,1,0\nann/ann_0001.png,bea/bea_0001.png,0,1\n"
CSV_PROBES = (
    b"path,identity,role,condition\nann/ann_0001.png,Ann,gallery,\nann/ann_0002.png,Ann,probe,mask\n"
    b"bea/bea_0001.png,Bea,gallery,\n"
)
OCCLUDERS = yaml.safe_dump(
    {
        "occluders": [
            {"file": "sprite.png", "category": "visor", "anchors": {"left_eye": [2, 3], "right_eye": [9, 3]}},
            {"file": "sprite.png", "category": "cup", "anchors": {"nose": [2, 3], "mouth": [2, 9]}, "opacity": 0.5},
        ]
    }
).encode()
SETTINGS = json.dumps(
    {"settings": {"categories": ["cup"], "severity": None, "seed": 0, "size": 112, "landmarks": "lfw"}}
).encode()
