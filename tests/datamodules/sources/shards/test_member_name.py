"""A file in a shard has its whole name, however its archive keeps that."""

import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from datamodules.sources import ImageFolder, Shards
from datamodules.sources.shards.member_name import BLOCK, member_name
from datamodules.sources.shards.shard_indexing import index_shards
from tests.helpers.faces_on_disk import encode, pseudo_face
from tests.helpers.sharded_faces import sharded

JPEG = encode(pseudo_face(0, size=(16, 16)))
PEOPLE = ("José", "Jasé", "日本", "Ada")


def test_names_that_are_not_ascii_are_written_and_read_as_they_are(tmp_path: Path) -> None:
    for person in PEOPLE:
        (tmp_path / "faces" / person).mkdir(parents=True)
        (tmp_path / "faces" / person / "1.jpg").write_bytes(JPEG)
    source, shards = ImageFolder(tmp_path / "faces"), sharded(tmp_path / "faces", tmp_path / "shards")
    assert [shards.name(index).partition("/")[2] for index in range(4)] == [source.name(index) for index in range(4)]
    assert list(shards.identity_names) == list(source.identity_names)


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_of_others_shards_are_whole(kind: int, tmp_path: Path) -> None:
    keys = ["plain/1", "José/1", f"{'x' * 150}/1", f"日本/{'y' * 1200}", "plain/2"]
    (tmp_path / "set").mkdir()
    with tarfile.open(tmp_path / "set/a.tar", "w", format=kind) as archive:
        for key in keys:
            for ending, data in (("cls", b"1"), ("jpg", JPEG)):
                header = tarfile.TarInfo(f"{key}.{ending}")
                header.size = len(data)
                archive.addfile(header, BytesIO(data))
    index_shards(tmp_path / "set")
    shards = Shards(tmp_path / "set")
    assert [shards.name(index) for index in range(len(keys))] == [f"a.tar/{key}.jpg" for key in keys]
    assert [shards.encoded(index) for index in range(len(keys))] == [JPEG] * len(keys)


@pytest.mark.parametrize(
    "size", [b"0000000001\0", b"00000000010", b"not a number"[:11], b"99999999999", b"00077777777"]
)
def test_bytes_that_look_like_a_header_change_no_name(size: bytes) -> None:
    block = bytearray(BLOCK)
    block[124:135], block[156:157], block[257:262] = size.ljust(11, b"\0"), b"x", b"ustar"
    header = tarfile.TarInfo("a.jpg").tobuf()
    assert member_name(bytes(block) + bytes(2 * BLOCK) + header, "a.jpg") == "a.jpg"
    assert member_name(bytes(block) + b"\xff" * BLOCK + header, "a.jpg") == "a.jpg"
    assert member_name(header, "a.jpg") == "a.jpg"
