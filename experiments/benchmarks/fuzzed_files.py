"""Each kind of file that is read from strangers: a small good one, what may be changed in it, and what reads it."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

from datamodules.alignment import LandmarkTable
from datamodules.occluders.own_images import load_sprite, read_listing
from datamodules.protocols import bin_pairs, csv_identification, csv_pairs, lfw_pairs
from datamodules.protocols.lfw_occ.made_protocol import read_settings
from datamodules.protocols.lfw_occ.manifest import ManifestRow, read_manifest
from datamodules.seams.face_source import FaceSource
from datamodules.seams.occlusion_map_file import OcclusionMap
from datamodules.sources import CsvLandmarks, RecordIO
from datamodules.sources.decode import decode_image
from experiments.benchmarks.mutations import Generator, mutate, with_right_checksums
from experiments.cli import UserError, parse
from experiments.reproduction import paper_file
from experiments.runs.layers import merged
from experiments.sweeping.sweep_file import read_sweep
from lightning_modules.networks.checkpoint_file import read_state_dict

EXPERIMENTS = Path(__file__).parents[1]
Files = Mapping[str, bytes]
_MAGIC = struct.pack("<I", 0xCED7230A)


@dataclass(frozen=True)
class FuzzedFile:
    """A kind of file.

    Attributes:
        files: Good ones, by path.
        read: Reads a folder that holds them.
        changing: Which of them are changed, all by default.
        text: Whether they are text.
        weight: How often it is drawn, in relation to others.
        change: Changes one, where that is not :func:`mutate`.
        refusals: What may be raised, beside ``DataError``.
    """

    files: Files
    read: Callable[[Path], object]
    changing: tuple[str, ...] = ()
    text: bool = False
    weight: float = 1.0
    change: Callable[[bytes, Generator], bytes] | None = None
    refusals: tuple[type[Exception], ...] = ()

    def changed(self, generator: Generator) -> Files:
        """Return the files, one of them changed."""
        names = self.changing or tuple(self.files)
        name = names[generator.integers(len(names))]
        data = self.files[name]
        new = self.change(data, generator) if self.change else mutate(data, generator, text=self.text)
        return {**self.files, name: new}


def fuzzed_files() -> dict[str, FuzzedFile]:
    """Return all kinds, by name."""
    rec, idx = _pack()
    pack = {"train.rec": rec, "train.idx": idx, "property": b"3,16,16"}
    plain_rec = b"".join(_frame(struct.pack("<IfQQ", 0, i // 2, i, 0) + _encoded(".png")) for i in range(4))
    plain = {"train.rec": plain_rec}
    faces = {f"{person}/{person}_000{shot}.png": _encoded(".png") for person in ("ann", "bea") for shot in (1, 2, 3)}
    sprite = {"sprite.png": cv2.imencode(".png", np.full((12, 16, 4), 200, np.uint8))[1].tobytes()}
    return {
        "rec": FuzzedFile({"train.rec": rec}, _read_pack, weight=2),
        "rec with index": FuzzedFile(pack, _read_pack, weight=2, change=_record_or_text),
        "rec without header": FuzzedFile(plain, _read_pack),
        "idx": FuzzedFile({"train.rec": rec, "train.idx": idx}, RecordIO, ("train.idx",), text=True),
        "property": FuzzedFile(pack, RecordIO, ("property",), text=True, weight=0.5),
        "bin": FuzzedFile({"set.bin": _bin(2)}, lambda f: _images(bin_pairs(f / "set.bin").source), weight=1.5),
        "bin of protocol 4": FuzzedFile({"set.bin": _bin(4)}, lambda f: bin_pairs(f / "set.bin"), weight=1.5),
        "pairs": FuzzedFile(
            faces | {"pairs.txt": _pairs()}, lambda f: lfw_pairs(f, f / "pairs.txt"), ("pairs.txt",), text=True
        ),
        "pairs that may be missing": FuzzedFile(
            faces | {"pairs.txt": _pairs()},
            lambda f: lfw_pairs(f, f / "pairs.txt", allow_missing=True),
            ("pairs.txt",),
            text=True,
        ),
        "csv pairs": FuzzedFile(
            faces
            | {
                "t.csv": b"first,second,same,fold\nann/ann_0001.png,ann/ann_0002.png,1,0\nann/ann_0001.png,"
                b"bea/bea_0001.png,0,1\n"
            },
            lambda f: csv_pairs(f, f / "t.csv"),
            ("t.csv",),
            text=True,
        ),
        "csv identification": FuzzedFile(
            faces
            | {
                "t.csv": b"path,identity,role,condition\nann/ann_0001.png,Ann,gallery,\nann/ann_0002.png,Ann,probe,"
                b"mask\nbea/bea_0001.png,Bea,gallery,\n"
            },
            lambda f: csv_identification(f, f / "t.csv", allow_missing=True),
            ("t.csv",),
            text=True,
        ),
        "landmarks": FuzzedFile(
            {"l.csv": _landmarks(",", header=True)}, lambda f: CsvLandmarks(f / "l.csv"), text=True
        ),
        "landmark list": FuzzedFile({"l.txt": _landmarks(" ")}, lambda f: LandmarkTable(f / "l.txt"), text=True),
        "landmark list with header": FuzzedFile(
            {"l.txt": _landmarks("\t", header=True)}, lambda f: LandmarkTable(f / "l.txt"), text=True
        ),
        "map": FuzzedFile({"map.npz": _map()}, lambda f: OcclusionMap.load(f / "map.npz"), change=_archive, weight=2),
        **{
            f"image {kind}": FuzzedFile({f"x{kind}": _encoded(kind)}, _decode, change=_image, weight=0.6)
            for kind in (".jpg", ".png", ".bmp", ".webp", ".tiff")
        },
        "occluders": FuzzedFile(sprite | {"occluders.yaml": _OCCLUDERS}, _read_sprites, change=_sprite_or_text),
        "manifest": FuzzedFile({"manifest.csv": _manifest()}, lambda f: read_manifest(f / "manifest.csv"), text=True),
        "settings": FuzzedFile({"manifest.json": _SETTINGS}, read_settings, text=True, weight=0.5),
        "weights": FuzzedFile({"w.pth": _weights()}, lambda f: read_state_dict(f / "w.pth"), refusals=(ValueError,)),
        "sweep": FuzzedFile(
            {"s.yaml": _yaml("sweeps/lambda.yaml")},
            lambda f: read_sweep(f / "s.yaml"),
            text=True,
            weight=0.3,
            refusals=(UserError,),
        ),
        "table": FuzzedFile(
            {"t.yaml": _yaml("tables/soidn.yaml")},
            lambda f: paper_file.load(f / "t.yaml"),
            text=True,
            weight=0.05,
            refusals=(UserError,),
        ),
        "configuration": FuzzedFile(
            {"c.yaml": yaml.safe_dump(merged("soidn_demo")).encode()},
            lambda f: parse(["fit", "--config", str(f / "c.yaml")]),
            text=True,
            weight=0.02,
            refusals=(UserError,),
        ),
    }


def _face() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    ramp = np.add.outer(np.arange(16), np.arange(16)) * 8
    return np.stack([ramp, ramp.T[::-1], 255 - ramp], axis=-1).astype(np.uint8)


def _encoded(kind: str) -> bytes:
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


def _pack() -> tuple[bytes, bytes]:
    """Return InsightFace's header, five images of three people, one in parts, and their ranges; and the index."""
    heads = [struct.pack("<IfQQ2f", 2, 0, 0, 0, 6, 9)]
    heads += [struct.pack("<IfQQ", 0, label, key, 0) for key, label in enumerate((0, 0, 1, 2, 2), start=1)]
    heads += [struct.pack("<IfQQ2f", 2, 0, key, 0, *ends) for key, ends in enumerate(((1, 3), (3, 4), (4, 6)), start=6)]
    images = [b"", *(_encoded(kind) for kind in (".jpg", ".png", ".jpg", ".webp", ".jpg")), b"", b"", b""]
    images[3] += bytes(-len(images[3]) % 4) + 2 * _MAGIC + b"tail"
    rec, idx = b"", b""
    for key, (head, image) in enumerate(zip(heads, images, strict=True)):
        idx += b"%d\t%d\n" % (key, len(rec))
        rec += _frame(head + image)
    return rec, idx


def _bin(protocol: int) -> bytes:
    image = _encoded(".jpg")
    images = [image, image[:-2] + b"\0\xff\xd9"] + [image + bytes([i]) for i in range(18)]
    flags: object = [bool(i % 2) for i in range(10)] if protocol == 2 else np.arange(10) % 2 == 0
    return pickle.dumps((images, flags), protocol=protocol)


def _pairs() -> bytes:
    return b"1\t2\nann\t1\t2\nbea\t1\t2\nann\t1\tbea\t1\nann\t2\tbea\t3\n"


def _landmarks(separator: str, *, header: bool = False) -> bytes:
    points = ["38.3", "51.7", "73.5", "51.5", "56.0", "71.7", "41.6", "92.4", "70.7", "92.2"]
    names = ["image", *(f"{axis}{i}" for i in range(1, 6) for axis in "xy")]
    rows = [names] * header + [[f"ann/{shot}.jpg", *points] for shot in range(3)]
    return "\n".join(separator.join(row) for row in rows).encode() + b"\n"


def _map() -> bytes:
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


def _manifest() -> bytes:
    rows = [
        ManifestRow(str(i), "1", f"ann/{i}.jpg", "cup", "3", "1 2 3 4 5 6", "0", "0.25", *["0a" * 32] * 3)
        for i in (1, 2)
    ]
    return "\n".join(",".join(row) for row in (ManifestRow._fields, *rows)).encode()


def _weights() -> bytes:
    file = io.BytesIO()
    torch.save({"state_dict": {"weight": torch.zeros(2, 3), "bias": torch.ones(2)}, "epoch": 3}, file)
    return file.getvalue()


def _yaml(name: str) -> bytes:
    return (EXPERIMENTS / name).read_bytes()


_OCCLUDERS = yaml.safe_dump(
    {
        "occluders": [
            {"file": "sprite.png", "category": "visor", "anchors": {"left_eye": [2, 3], "right_eye": [9, 3]}},
            {"file": "sprite.png", "category": "cup", "anchors": {"nose": [2, 3], "mouth": [2, 9]}, "opacity": 0.5},
        ]
    }
).encode()
_SETTINGS = json.dumps(
    {"settings": {"categories": ["cup"], "severity": None, "seed": 0, "size": 112, "landmarks": "lfw"}}
).encode()


def _images(source: FaceSource) -> None:
    for index in range(len(source)):
        source.image(index)


def _read_pack(folder: Path) -> None:
    _images(RecordIO(folder))


def _decode(folder: Path) -> None:
    (path,) = (path for path in folder.iterdir() if path.is_file())
    decode_image(path.read_bytes(), name=path.name)


def _read_sprites(folder: Path) -> None:
    for entry in read_listing(folder):
        load_sprite(entry)


def _record_or_text(data: bytes, generator: Generator) -> bytes:
    return mutate(data, generator, text=len(data) < 500)


def _sprite_or_text(data: bytes, generator: Generator) -> bytes:
    return _image(data, generator) if data.startswith(b"\x89PNG") else mutate(data, generator, text=True)


def _image(data: bytes, generator: Generator) -> bytes:
    """Change an image; of every second PNG the checksums are made right again, so that the decoder sees it."""
    changed = mutate(data, generator)
    return with_right_checksums(changed) if generator.random() < 0.5 and data.startswith(b"\x89PNG") else changed


def _archive(data: bytes, generator: Generator) -> bytes:
    """Change an archive, or what is in it before it is packed."""
    if generator.random() < 0.3:
        return mutate(data, generator)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[generator.integers(len(members))]
    members[name] = mutate(members[name], generator, text=generator.random() < 0.3)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return file.getvalue()
