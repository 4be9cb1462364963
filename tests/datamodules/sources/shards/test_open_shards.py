"""Files read at many places: few are open at once, whoever reads them, and what is asked for is in the cache."""

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datamodules.errors import DataError
from datamodules.sources.shards import open_shards
from datamodules.sources.shards.open_shards import OpenShards


def written(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.tar" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 100)
    return paths


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  counted while one of them is that of the folder


def test_reads_what_is_there_and_no_more(tmp_path: Path) -> None:
    files = OpenShards(written(tmp_path, 2))
    assert files.read(1, 90, 20) == bytes([1]) * 10
    assert pickle.loads(pickle.dumps(files)).read(1, 0, 3) == bytes([1]) * 3  # noqa: S301  our own


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted as Linux shows them")
def test_threads_read_many_files_of_which_few_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_shards, "KEPT_OPEN", 3)
    files, before = OpenShards(written(tmp_path, 40)), open_files()
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda number: files.read(number % 40, number % 50, 9), range(4000)))
    assert read == [bytes([number % 40]) * 9 for number in range(4000)]
    assert open_files() <= before + 3
    files = OpenShards([])
    assert open_files() == before


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    files = OpenShards([tmp_path / "none.tar"])
    with pytest.raises(DataError, match=r"none\.tar: expected a shard, got No such file"):
        files.read(0, 0, 1)
    files.will_need(0, 0, 1)  # reading says it


def test_reading_ahead_asks_for_every_byte_in_requests_that_are_taken_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, asked = OpenShards(written(tmp_path, 1)), []
    monkeypatch.setattr(os, "posix_fadvise", lambda descriptor, *request: asked.append(request))
    files.will_need(0, 1000, 1000 + 300_000)
    assert asked == [(1000, 131072, os.POSIX_FADV_WILLNEED), (132072, 131072, 3), (263144, 37856, 3)]
