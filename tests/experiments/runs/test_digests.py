"""A digest stands for what files hold, whatever they are called outside and however often it is asked for."""

import os
from pathlib import Path

import pytest

from callbacks.run_files import read_json
from datamodules.errors import DataError
from experiments.runs import digests as contents
from tests.helpers.faces_on_disk import write_image_folder
from tests.helpers.sharded_faces import sharded


def digits(path: Path) -> str:
    """Return what another process would."""
    contents.digits_of.cache_clear()
    return contents.contents_of(path)


def test_a_copy_elsewhere_holds_the_same(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name / "person").mkdir(parents=True)
        (tmp_path / name / "person/1.png").write_bytes(b"face")
    assert digits(tmp_path / "one") == digits(tmp_path / "other")
    os.utime(tmp_path / "other/person/1.png", (0, 0))
    assert digits(tmp_path / "one") == digits(tmp_path / "other")
    (tmp_path / "other/person/1.png").rename(tmp_path / "other/person/2.png")
    assert digits(tmp_path / "one") != digits(tmp_path / "other")


def test_links_are_followed_once_and_hidden_files_are_none(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").write_text("1")
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/circle").symlink_to(tmp_path / "root")
    before = digits(tmp_path / "root")
    (tmp_path / "root/.DS_Store").write_text("1")
    assert digits(tmp_path / "root") == before
    (tmp_path / "elsewhere").write_text("2")
    assert digits(tmp_path / "root") != before


def test_large_folders_are_read_again_only_where_a_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "LARGE", 2)
    (tmp_path / "faces").mkdir()
    file = tmp_path / "faces/1.png"
    file.write_bytes(b"face")
    before = digits(tmp_path / "faces")
    assert len(read_json(contents.KNOWN)) == 1
    with monkeypatch.context() as unreadable:
        unreadable.setattr(contents, "_content", lambda path: "another")
        assert digits(tmp_path / "faces") == before
        os.utime(file, ns=(1, 1))
        assert digits(tmp_path / "faces") != before
    contents.KNOWN.write_text("{")
    assert digits(tmp_path / "faces") == before


def test_shards_are_not_read_again_unless_they_are_newer_than_their_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shards = sharded(write_image_folder(tmp_path / "faces", {"ann": 4, "bea": 4}, size=(8, 8)), tmp_path / "shards")
    read: list[str] = []
    content = contents._content

    def told(path: Path) -> str:
        read.append(path.name)
        return content(path)

    monkeypatch.setattr(contents, "_content", told)
    before = digits(shards.root)
    assert not [name for name in read if name.endswith(".tar")]
    path = shards.root / "shard-000001.tar"
    os.utime(path, ns=(0, (shards.root / "shards.json").stat().st_mtime_ns + 1))
    assert digits(shards.root) == before
    assert [name for name in read if name.endswith(".tar")] == ["shard-000001.tar"]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(0, (shards.root / "shards.json").stat().st_mtime_ns + 1))
    assert digits(shards.root) != before


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}/none: expected a file that can be read, got No such file"):
        digits(tmp_path / "none")
