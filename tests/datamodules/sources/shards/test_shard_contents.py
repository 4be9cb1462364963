"""Reading what a shard holds, as others write them: each fault is one line with the shard and the key."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.sources.shards.shard_contents import keys_digest, look_at_shard, splits_into
from tests.helpers.sharded_faces import write_tar

File = tuple[str, bytes]
GOOD: list[File] = [("b.jpg", b"one"), ("b.cls", b"4"), ("a.cls", b"7\n"), ("a.png", b"two" * 300)]


def test_images_are_found_where_they_lie_in_the_files_order(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [*GOOD, ("__meta__/x.json", b"{}"), ("README", b"no key")])
    found = look_at_shard(path)
    assert (found.name, found.bytes, found.labels) == ("a.tar", path.stat().st_size, [4, 7])
    assert found.keys_sha256 == keys_digest(["b", "a"]) != keys_digest(["a", "b"])
    data = path.read_bytes()
    places = zip(found.offsets.tolist(), found.sizes.tolist(), strict=True)
    assert [data[offset : offset + size] for offset, size in places] == [b"one", b"two" * 300]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            [*GOOD, ("b.jpg", b"again"), ("b.cls", b"4")],
            r"a\.tar: b: expected the files of a key side by side, got the key",
        ),
        (
            [("b.jpg", b""), ("a.jpg", b""), ("a.cls", b"1")],
            r"a\.tar: b: expected a \.cls or \.json that says .*, got jpg",
        ),
        ([("b.jpg", b""), ("b.jpg", b""), ("b.cls", b"1")], r"a\.tar: b\.jpg: expected every file once, got it again"),
        ([("b.jpg", b""), ("b.png", b""), ("b.cls", b"1")], r"a\.tar: b: expected one image, got jpg, png"),
        ([("b.cls", b"1"), ("b.txt", b"")], r"a\.tar: b: expected one image, got cls, txt"),
        ([("b.jpg", b""), ("b.cls", b"Ada")], r"a\.tar: b\.cls: expected a whole number, got 'Ada'"),
        ([("__b__/c.jpg", b"")], r"a\.tar: expected images, got none"),
    ],
)
def test_samples_that_are_none_are_refused(tmp_path: Path, files: Sequence[File], message: str) -> None:
    with pytest.raises(DataError, match=message):
        look_at_shard(write_tar(tmp_path / "a.tar", files))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda data: data[:700],
            r"a\.tar: expected a tar file with its end, got damaged .* after b\.jpg \(700 bytes\)",
        ),
        (lambda data: data[:1024], r"a\.tar: expected a tar file with its end, got damaged .* after b\.jpg"),
        (lambda data: data[:1300], r"a\.tar: expected a tar file with its end, got damaged .* after b\.jpg"),
        (lambda data: data[:4608], r"a\.tar: expected a tar file with its end, .* after a\.png"),
        (lambda data: data[:1024] + b"X" * 512 + data[1536:], r"expected a tar file with its end, .* after b\.jpg"),
        (lambda data: b"", r"a\.tar: expected a tar file that is not compressed, got another file"),
        (lambda data: b"no tar" * 400, r"a\.tar: expected a tar file that is not compressed, got another file"),
        (gzip.compress, r"a\.tar: expected a tar file that is not compressed, got another file"),
        (lambda data: bytes(10240), r"a\.tar: expected images, got none"),
    ],
)
def test_files_that_are_cut_short_or_damaged_are_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = write_tar(tmp_path / "a.tar", GOOD)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        look_at_shard(path)


def test_a_file_cut_anywhere_is_refused_or_as_it_was(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", GOOD)
    whole, before = path.read_bytes(), look_at_shard(path)
    for size in range(0, len(whole), 128):
        path.write_bytes(whole[:size])
        try:
            found = look_at_shard(path)
        except DataError:
            continue
        assert size >= 4608 + 1024  # the end of the archive is there: what is missing is padding
        assert found.offsets.tolist() == before.offsets.tolist()


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.tar: expected a tar file, got No such file"):
        look_at_shard(tmp_path / "none.tar")


@pytest.mark.parametrize(
    ("file", "key", "ending", "splits"),
    [
        ("Ada/1.jpg", "Ada/1", "jpg", True),
        ("A.B/1.jpg", "A.B/1", "jpg", True),
        ("Ada/1.b.jpg", "Ada/1.b", "jpg", False),
        ("__Ada__/1.jpg", "__Ada__/1", "jpg", False),
    ],
)
def test_names_split_as_in_webdataset(file: str, key: str, ending: str, splits: bool) -> None:
    assert splits_into(file, key, ending) is splits
