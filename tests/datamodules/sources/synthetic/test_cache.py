"""The cache: what it gives is what rendering gives, or it renders again."""

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.sources.synthetic import SyntheticFaces, cache
from tests.helpers.processes import CONTEXT, start_server

SETTINGS: dict[str, Any] = {"num_identities": 2, "images_per_identity": 4, "image_size": 24, "seed": 1}


def assert_same_faces(first: SyntheticFaces, second: SyntheticFaces) -> None:
    assert len(first) == len(second)
    for index in range(len(first)):
        np.testing.assert_array_equal(first.image(index), second.image(index))
        np.testing.assert_array_equal(first.all_landmarks(index), second.all_landmarks(index))


def cached(folder: Path, **settings: Any) -> SyntheticFaces:
    return SyntheticFaces(**(SETTINGS | settings), cache_dir=folder)


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every time that a cache is filled from now on."""
    calls: list[int] = []
    fill = cache._run_tasks

    def counted(*args: Any) -> None:
        calls.append(1)
        fill(*args)

    monkeypatch.setattr(cache, "_run_tasks", counted)
    return calls


def test_cached_faces_are_those_rendered_on_the_fly(tmp_path: Path) -> None:
    assert_same_faces(cached(tmp_path), SyntheticFaces(**SETTINGS))


def test_processes_render_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_server()
    monkeypatch.setattr(cache, "get_context", lambda _: CONTEXT)  # fresh processes as well, but with the imports done
    assert_same_faces(cached(tmp_path, num_workers=2), SyntheticFaces(**SETTINGS))


def test_second_source_only_reads(tmp_path: Path, renders: list[int]) -> None:
    assert_same_faces(cached(tmp_path), cached(tmp_path))
    assert len(renders) == 1


def test_nothing_unfinished_stays(tmp_path: Path) -> None:
    cached(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".npy", ".npy"]


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*-images.npy'"):
        SyntheticFaces(2, 2, 16, cache_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("stopped half-way")

    monkeypatch.setattr(cache, "_run_tasks", fail)
    with pytest.raises(RuntimeError, match="half-way"):
        cached(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "setting", [{"seed": 2}, {"image_size": 48}, {"num_identities": 1}, {"images_per_identity": 3}]
)
def test_other_settings_have_another_cache(tmp_path: Path, renders: list[int], setting: dict[str, int]) -> None:
    cached(tmp_path)
    cached(tmp_path, **setting)
    assert len(renders) == 2
    assert len(list(tmp_path.iterdir())) == 4


def test_other_renderer_has_another_cache(tmp_path: Path, renders: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    cached(tmp_path)
    monkeypatch.setattr(cache, "RENDERER_VERSION", -1)
    cached(tmp_path)
    assert len(renders) == 2


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def other_text(path: Path) -> None:
    path.write_text("not an array")


def other_shape(path: Path) -> None:
    np.save(path, np.zeros((3, 3), np.uint8))


def other_content(path: Path) -> None:
    np.save(path, np.zeros_like(np.load(path)))


@pytest.mark.parametrize("kind", ["images", "landmarks"])
@pytest.mark.parametrize("damage", [truncate, empty, other_text, other_shape, other_content, Path.unlink])
def test_damaged_files_are_rendered_again(tmp_path: Path, damage: Callable[[Path], None], kind: str) -> None:
    cached(tmp_path)
    (path,) = tmp_path.glob(f"*-{kind}.npy")
    damage(path)
    assert_same_faces(cached(tmp_path), SyntheticFaces(**SETTINGS))


def test_pickle_carries_no_pixels_and_reads_the_same_files(tmp_path: Path, renders: list[int]) -> None:
    faces = cached(tmp_path)
    data = pickle.dumps(faces)
    assert len(data) < 2000
    assert_same_faces(pickle.loads(data), faces)  # noqa: S301  # our own bytes
    assert len(renders) == 1
