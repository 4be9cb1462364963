"""Each kind of file that is read from strangers: a small good one, what may be changed in it, and what reads it."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from datamodules.alignment import LandmarkTable
from datamodules.occluders.own_images import load_sprite, read_listing
from datamodules.protocols import bin_pairs, csv_identification, csv_pairs, lfw_pairs
from datamodules.protocols.lfw_occ.made_protocol import read_settings
from datamodules.protocols.lfw_occ.manifest import read_manifest
from datamodules.seams.face_source import FaceSource
from datamodules.seams.occlusion_map_file import OcclusionMap
from datamodules.sources import CsvLandmarks, RecordIO
from datamodules.sources.decode import decode_image
from experiments.cli import UserError, parse
from experiments.reproduction import paper_file
from experiments.runs.layers import merged
from experiments.sweeping.sweep_file import read_sweep
from lightning_modules.networks.checkpoint_file import read_state_dict
from tests.at_scale import fuzzed_shards as shards
from tests.at_scale import good_files as good
from tests.at_scale.mutations import Generator, mutate, with_right_checksums

Files = Mapping[str, bytes]


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
    of_shards = {name: FuzzedFile(*kind) for name, kind in shards.kinds(good.encoded(".jpg")).items()}
    return _packs() | of_shards | _protocols() | _landmarks() | _pictures() | _lfw_occ() | _settings()


def _packs() -> dict[str, FuzzedFile]:
    rec, idx = good.pack()
    pack = {"train.rec": rec, "train.idx": idx, "property": b"3,16,16"}
    return {
        "rec": FuzzedFile({"train.rec": rec}, _read_pack, weight=2),
        "rec with index": FuzzedFile(pack, _read_pack, weight=2, change=_record_or_text),
        "rec without header": FuzzedFile({"train.rec": good.headless_pack()}, _read_pack),
        "idx": FuzzedFile({"train.rec": rec, "train.idx": idx}, RecordIO, ("train.idx",), text=True),
        "property": FuzzedFile(pack, RecordIO, ("property",), text=True, weight=0.5),
        "bin": FuzzedFile({"set.bin": good.bin_set(2)}, lambda f: _images(bin_pairs(f / "set.bin").source), weight=1.5),
        "bin of protocol 4": FuzzedFile({"set.bin": good.bin_set(4)}, lambda f: bin_pairs(f / "set.bin"), weight=1.5),
    }


def _protocols() -> dict[str, FuzzedFile]:
    shots = [(name, number) for name in ("ann", "bea") for number in (1, 2, 3)]
    faces = {f"{name}/{name}_000{number}.png": good.encoded(".png") for name, number in shots}

    def table(file: str, rows: bytes, read: Callable[[Path, Path], object]) -> FuzzedFile:
        return FuzzedFile(faces | {file: rows}, lambda f: read(f, f / file), (file,), text=True)

    return {
        "pairs": table("pairs.txt", good.PAIRS, lfw_pairs),
        "pairs that may be missing": table("pairs.txt", good.PAIRS, partial(lfw_pairs, allow_missing=True)),
        "csv pairs": table("t.csv", good.CSV_PAIRS, csv_pairs),
        "csv identification": table("t.csv", good.CSV_PROBES, partial(csv_identification, allow_missing=True)),
    }


def _landmarks() -> dict[str, FuzzedFile]:
    rows = good.landmark_rows
    return {
        "landmarks": FuzzedFile({"l.csv": rows(",", header=True)}, lambda f: CsvLandmarks(f / "l.csv"), text=True),
        "landmark list": FuzzedFile({"l.txt": rows(" ")}, lambda f: LandmarkTable(f / "l.txt"), text=True),
        "landmark list with header": FuzzedFile(
            {"l.txt": rows("\t", header=True)}, lambda f: LandmarkTable(f / "l.txt"), text=True
        ),
    }


def _pictures() -> dict[str, FuzzedFile]:
    occluders = {"sprite.png": good.sprite(), "occluders.yaml": good.OCCLUDERS}
    return {
        "map": FuzzedFile(
            {"map.npz": good.map_archive()}, lambda f: OcclusionMap.load(f / "map.npz"), change=_archive, weight=2
        ),
        **{
            f"image {kind}": FuzzedFile({f"x{kind}": good.encoded(kind)}, _decode, change=_image, weight=0.6)
            for kind in (".jpg", ".png", ".bmp", ".webp", ".tiff")
        },
        "occluders": FuzzedFile(occluders, _read_sprites, change=_sprite_or_text),
    }


def _lfw_occ() -> dict[str, FuzzedFile]:
    manifest = {"manifest.csv": good.manifest()}
    return {
        "manifest": FuzzedFile(manifest, lambda f: read_manifest(f / "manifest.csv"), text=True),
        "settings": FuzzedFile({"manifest.json": good.SETTINGS}, read_settings, text=True, weight=0.5),
    }


def _settings() -> dict[str, FuzzedFile]:
    """Weights, and what people write for the commands."""
    weights = {"w.pth": good.weights()}

    def written(data: bytes, read: Callable[[Path], object], weight: float) -> FuzzedFile:
        return FuzzedFile(
            {"f.yaml": data}, lambda f: read(f / "f.yaml"), text=True, weight=weight, refusals=(UserError,)
        )

    demo = yaml.safe_dump(merged("soidn_demo")).encode()
    return {
        "weights": FuzzedFile(weights, lambda f: read_state_dict(f / "w.pth"), refusals=(ValueError,)),
        "sweep": written(good.experiments_file("sweeps/lambda.yaml"), read_sweep, 0.3),
        "table": written(good.experiments_file("tables/soidn.yaml"), paper_file.load, 0.05),
        "configuration": written(demo, lambda file: parse(["fit", "--config", str(file)]), 0.02),
    }


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
