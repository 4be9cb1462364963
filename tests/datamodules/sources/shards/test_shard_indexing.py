"""Folders of shards that become datasets: written whole, gone on with, indexed where others have written them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.errors import DataError
from datamodules.sources import ImageFolder, RecordIO, Shards, SyntheticFaces, open_source
from datamodules.sources.shards import shard_writer
from datamodules.sources.shards.shard_indexing import check_shards, index_shards, write_shards
from datamodules.sources.shards.shard_writer import ShardLayout
from tests.helpers.faces_on_disk import encode, pseudo_face, write_image_folder
from tests.helpers.recordio_pack import write_recordio
from tests.helpers.sharded_faces import IN_ORDER, sharded, write_tar

JPEG = encode(pseudo_face(0, size=(16, 16)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_image_folder(tmp_path / "faces", {"ann": 4, "bea": 3, "cid": 5}, size=(16, 16))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_pack_is_written_with_the_keys_of_its_records(tmp_path: Path) -> None:
    images = [
        encode(pseudo_face(number, size=(16, 16)), ending) for number, ending in enumerate(("jpg", "png", "webp"))
    ]
    write_recordio(tmp_path / "pack", images, [3.0, 3.0, 9.0])
    write_shards(RecordIO(tmp_path / "pack"), tmp_path / "shards", IN_ORDER)
    shards = Shards(tmp_path / "shards")
    assert [shards.name(index).partition("/")[2] for index in range(3)] == ["1.jpg", "2.png", "3.webp"]
    assert [shards.encoded(index) for index in range(3)] == images
    assert (shards.identities.tolist(), list(shards.identity_names)) == ([0, 0, 1], ["3", "9"])


def test_shards_are_written_from_shards(folder: Path, tmp_path: Path) -> None:
    first = sharded(folder, tmp_path / "first")
    write_shards(first, tmp_path / "second", ShardLayout(images=100, shuffle=False, names="number"))
    second = Shards(tmp_path / "second")
    assert [second.name(index) for index in (0, 11)] == [f"shard-000000.tar/{index:09d}.jpg" for index in (0, 11)]
    assert [second.encoded(index) for index in range(12)] == [first.encoded(index) for index in range(12)]


def test_megabytes_close_a_shard(tmp_path: Path) -> None:
    big = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    (tmp_path / "faces/ann").mkdir(parents=True)
    for number in range(8):
        (tmp_path / f"faces/ann/{number}.png").write_bytes(encode(big, "png"))
    size = len(encode(big, "png"))
    assert 250_000 < size < 333_000
    write_shards(ImageFolder(tmp_path / "faces"), tmp_path / "shards", ShardLayout(megabytes=1))
    assert [shard.images for shard in Shards(tmp_path / "shards").manifest.shards] == [4, 4]


def test_an_interrupted_command_goes_on_and_leaves_what_an_undisturbed_one_does(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, layout = ImageFolder(folder), ShardLayout(images=5)
    write_shards(source, tmp_path / "whole", layout)
    read, encoded = [0], ImageFolder.encoded

    def fail(self: ImageFolder, index: int) -> bytes:
        read[0] += 1
        if read[0] > 20:  # in the second shard: each piece is read as a whole
            raise OSError(28, "No space left on device")
        return encoded(self, index)

    with monkeypatch.context() as patched:
        patched.setattr(ImageFolder, "encoded", fail)
        patched.setattr(shard_writer, "_PIECE", 5)
        read[0] = 11
        with pytest.raises(OSError, match="No space left"):
            write_shards(ImageFolder(folder), tmp_path / "killed", layout)
    left = contents(tmp_path / "killed")
    assert set(left) == {".shards_begun.json", "shard-000000.tar"}
    with pytest.raises(DataError, match=r"killed: expected all shards, got those of an interrupted command: repeat it"):
        open_source(tmp_path / "killed")
    with pytest.raises(DataError, match=r"killed: expected all shards, got those of an interrupted command: repeat it"):
        index_shards(tmp_path / "killed")
    write_shards(source, tmp_path / "killed", layout)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_shard_that_is_there_is_not_written_again(folder: Path, tmp_path: Path) -> None:
    shards = sharded(folder, tmp_path / "shards")
    for name in ("shards.json", "index/sizes.npy"):
        (shards.root / name).unlink()
    begun = json.dumps(shards.manifest.written, indent=1) + "\n"
    (shards.root / ".shards_begun.json").write_text(begun)
    times = [path.stat().st_mtime_ns for path in sorted(shards.root.glob("*.tar"))]
    sharded(folder, tmp_path / "shards")
    assert [path.stat().st_mtime_ns for path in sorted(shards.root.glob("*.tar"))] == times


def test_the_same_command_again_changes_nothing(folder: Path, tmp_path: Path) -> None:
    sharded(folder, tmp_path / "shards")
    before = contents(tmp_path / "shards")
    sharded(folder, tmp_path / "shards")
    assert contents(tmp_path / "shards") == before


def touch(root: Path) -> None:
    root.mkdir()
    (root / "notes.txt").write_text("mine")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (touch, "shards: expected an empty folder, or one that the same command has begun, got files"),
        (
            lambda root: sharded(root.parent / "faces", root, ShardLayout(seed=1)),
            r"got shards of other images or settings",
        ),
        (
            lambda root: shard_writer.claim(root, {"seed": 1}, ".shards_begun.json"),
            r"shards: expected the settings that shards were begun with there \(\.shards_begun\.json\), got others",
        ),
    ],
)
def test_other_files_are_not_written_over(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], Any], message: str
) -> None:
    spoil(tmp_path / "shards")
    before = contents(tmp_path / "shards")
    with pytest.raises(DataError, match=message):
        write_shards(ImageFolder(folder), tmp_path / "shards", ShardLayout())
    assert contents(tmp_path / "shards") == before


def test_another_image_in_a_shard_that_is_there_is_noticed(folder: Path, tmp_path: Path) -> None:
    shards = sharded(folder, tmp_path / "shards")
    (shards.root / "shards.json").rename(shards.root / ".shards_begun.json")
    (shards.root / ".shards_begun.json").write_text(json.dumps(shards.manifest.written, indent=1) + "\n")
    (shards.root / "shard-000001.tar").rename(shards.root / "shard-000000.tar")
    with pytest.raises(DataError, match=r"shard-000000\.tar: expected the shard that the same command has begun"):
        write_shards(ImageFolder(folder), shards.root, IN_ORDER)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["ann/1.x.jpg"], r"ann/1\.x\.jpg: expected one dot, before the ending, .*; --names=number calls images"),
        (["ann/1.jpg", "ann/1.png"], r"ann/1\.png: expected one image of a name, got two with different endings; --na"),
        ([f"ann/{'x' * 120}.jpg"], r"x\.jpg: expected at most 100 bytes as a name in a tar file; --names=number"),
    ],
)
def test_names_that_are_no_keys_are_refused_before_anything_is_written(
    tmp_path: Path, files: list[str], message: str
) -> None:
    (tmp_path / "faces/ann").mkdir(parents=True)
    for file in files:
        (tmp_path / "faces" / file).write_bytes(JPEG)
    source = ImageFolder(tmp_path / "faces")
    with pytest.raises(DataError, match=message):
        write_shards(source, tmp_path / "shards", IN_ORDER)
    assert not (tmp_path / "shards").exists()
    write_shards(source, tmp_path / "shards", ShardLayout(names="number"))
    assert len(Shards(tmp_path / "shards")) == len(files)


def test_faces_that_are_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="Expected a folder, RecordIO pack or shards of image files, got SyntheticFaces"
    ):
        write_shards(SyntheticFaces(2, 2, num_workers=0), tmp_path / "shards", IN_ORDER)


def test_foreign_shards_are_refused_with_the_command_that_indexes_them(tmp_path: Path) -> None:
    for number, label in ((0, b"30"), (1, b"4")):
        write_tar(tmp_path / f"set/train-{number}.tar", [("000.cls", label), ("000.jpg", JPEG)])
    with pytest.raises(
        DataError, match=rf"set: expected shards with .*; `python -m experiments\.shard --index {tmp_path}"
    ):
        open_source(tmp_path / "set")
    index_shards(tmp_path / "set")
    shards = open_source(tmp_path / "set")
    assert (shards.identities.tolist(), list(shards.identity_names)) == ([1, 0], ["4", "30"])
    assert [shards.name(index) for index in range(2)] == ["train-0.tar/000.jpg", "train-1.tar/000.jpg"]


def test_several_processes_index_as_one(tmp_path: Path) -> None:
    for number in range(3):
        label = json.dumps({"identity": f"p{number % 2}"}).encode()
        write_tar(tmp_path / f"set/{number}.tar", [("000.json", label), ("000.jpg", JPEG)])
    index_shards(tmp_path / "set")
    alone = contents(tmp_path / "set")
    index_shards(tmp_path / "set", workers=2)
    assert contents(tmp_path / "set") == alone
    assert list(Shards(tmp_path / "set").identity_names) == ["p0", "p1"]


def test_a_missing_number_is_a_missing_shard(tmp_path: Path) -> None:
    for name in ("train-000", "train-001", "train-003", "val-7"):
        write_tar(tmp_path / f"set/{name}.tar", [("1.cls", b"1"), ("1.jpg", JPEG)])
    with pytest.raises(DataError, match=r"set/train-\*\.tar: expected shards 0 to 3, got none with number 2"):
        index_shards(tmp_path / "set")
    assert index_shards(tmp_path / "set", pattern="val*.tar").shards[0].name == "val-7.tar"
    with pytest.raises(DataError, match=r"set: expected shards named test\*\.tar, got none"):
        index_shards(tmp_path / "set", pattern="test*.tar")


def test_indexing_again_keeps_the_names_and_landmarks_that_were_written(folder: Path, tmp_path: Path) -> None:
    def points(source: object, index: int, height: int, width: int) -> Any:
        return np.arange(10, dtype=np.float32).reshape(5, 2) + index

    write_shards(ImageFolder(folder), tmp_path / "shards", IN_ORDER, landmarks=points)
    before = contents(tmp_path / "shards")
    index_shards(tmp_path / "shards")
    assert contents(tmp_path / "shards") == before
    found = Shards(tmp_path / "shards").landmarks(7)
    assert found is not None
    assert found[0].tolist() == [7, 8]


def test_what_has_changed_in_a_shard_is_found_by_reading_it(folder: Path, tmp_path: Path) -> None:
    shards = sharded(folder, tmp_path / "shards")
    check_shards(shards.root)
    path = shards.root / "shard-000001.tar"
    data = bytearray(path.read_bytes())
    data[int(shards._index.offsets[6]) + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"shard-000001\.tar: expected the bytes that were indexed, got others"):
        check_shards(shards.root)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"version": 1}', '{"version": 2}', "[" * 100_000]
    + [
        json.dumps(
            {"version": 1, "identities": 1, "landmarks": False, "written": None}
            | {"shards": [{"name": "a.tar", "images": 1, "bytes": 1, "sha256": ""} | change]}
        )
        for change in ({"name": "../a.tar"}, {"images": -1}, {"images": True}, {"bytes": "1"}, {"more": 1})
    ],
)
def test_a_damaged_list_of_shards_is_refused(folder: Path, tmp_path: Path, text: str) -> None:
    shards = sharded(folder, tmp_path / "shards")
    (shards.root / "shards.json").write_text(text)
    with pytest.raises(
        DataError, match=r"shards\.json: expected (version 1, got 2|the list of shards that `python -m ex)"
    ):
        Shards(shards.root)


@pytest.mark.parametrize("name", ["offsets.npy", "sizes.npy", "identities.npy", "identities.json"])
@pytest.mark.parametrize("text", [None, "", "[1]", "\x93NUMPY"])
def test_a_damaged_index_is_refused_with_the_command_that_mends_it(
    folder: Path, tmp_path: Path, name: str, text: str | None
) -> None:
    shards = sharded(folder, tmp_path / "shards")
    (shards.root / "index" / name).unlink()
    if text is not None:
        (shards.root / "index" / name).write_text(text)
    with pytest.raises(
        DataError, match=rf"{name}: expected .*, got another file or none; `python -m experiments\.shard"
    ):
        Shards(shards.root)


def test_settings_out_of_range_are_refused() -> None:
    wrong: list[dict[str, Any]] = [{"images": 0}, {"megabytes": 0}, {"seed": -1}]
    for settings in wrong:
        with pytest.raises(ValueError, match=f"`{next(iter(settings))}` of at least"):
            ShardLayout(**settings)


@pytest.mark.parametrize("left", ["..shards_begun.json.machine.tmp", "..shards_begun.json.1a2b3c4d.tmp"])
def test_a_command_that_was_killed_at_its_very_beginning_is_repeated(folder: Path, tmp_path: Path, left: str) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / left).write_text("{")
    assert len(sharded(folder, tmp_path / "shards")) == 12


@pytest.mark.parametrize("text", [None, "[", '["ann"]'])
def test_where_the_names_of_identities_are_lost_the_command_that_is_said_to_mend_it_does(
    folder: Path, tmp_path: Path, text: str | None
) -> None:
    shards = sharded(folder, tmp_path / "shards")
    names = shards.root / "index/identities.json"
    names.unlink()
    if text is not None:
        names.write_text(text)
    index_shards(shards.root)
    again = Shards(shards.root)
    assert again.identities.tolist() == shards.identities.tolist()
    assert list(again.identity_names) == ["0", "1", "2"]


def test_labels_beyond_the_names_that_were_written_are_numbered_anew(folder: Path, tmp_path: Path) -> None:
    shards = sharded(folder, tmp_path / "shards")
    write_tar(shards.root / "shard-000003.tar", [("x.cls", b"-7"), ("x.jpg", JPEG), ("y.cls", b"9"), ("y.jpg", JPEG)])
    index_shards(shards.root)
    again = Shards(shards.root)
    assert list(again.identity_names) == ["-7", "0", "1", "2", "9"]
    assert again.identities.tolist() == [*(shards.identities + 1).tolist(), 0, 4]
