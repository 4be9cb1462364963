"""A file is whole or as it was: when writing fails, when the process is killed, and in whatever part writes it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.whole_file import MACHINE, whole_file, write_whole


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.txt"
    write_whole(path, "first")

    def fail() -> None:
        with whole_file(path) as file:
            file.write(b"second")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_a_killed_process_leaves_what_was_there_and_a_file_that_is_hidden(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_whole(path, b"first")
    child = os.fork()
    if not child:
        with whole_file(path) as file:
            file.write(b"second")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)  # before all is there
    os.waitpid(child, 0)
    assert path.read_bytes() == b"first"
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.npz", f".a.npz.{MACHINE}.tmp"}
    write_whole(path, b"2")
    assert path.read_bytes() == b"2"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    write_whole(path, "whole")
    assert path.read_text() == "whole"


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with whole_file(path) as one, whole_file(path) as other:
        one.write(b"one")
        other.write(b"other")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_writers_on_two_machines_do_not_disturb_each_other_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", lambda *_: None)  # as NFS without a lock server, which grants every one
    path = tmp_path / "a"
    with whole_file(path) as one:
        monkeypatch.setattr("datamodules.whole_file.MACHINE", "another-machine")
        write_whole(path, "other")
        one.write(b"one")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_it_as_any_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "whole", "")
    (tmp_path / "plain").touch()
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def an_occlusion_map(path: Path) -> None:
    from datamodules.seams.occlusion_map_file import OcclusionMap

    OcclusionMap(np.zeros((2, 2), np.float32), (1, 1), np.zeros(3, np.float32), 1, np.arange(2), "a", "b").save(path)


def a_history(path: Path) -> None:
    from callbacks import History

    history = History()
    history._folder = path.parent
    history.on_fit_end(SimpleNamespace(is_global_zero=True), None)  # type: ignore[arg-type]  # all that is read


def a_figure(path: Path) -> None:
    from matplotlib.figure import Figure

    from callbacks.run_files import save_figure

    save_figure(Figure(), path)


def a_grid(path: Path) -> None:
    from callbacks.figures.image_grid import save_grid

    save_grid(path, torch.zeros(1, 3, 8, 8))


def a_crop(path: Path) -> None:
    from datamodules.alignment.crop_folder import CropFolder

    with CropFolder(path.parent, {}, size=4, format="png") as folder:
        folder.write(path.name, np.zeros((4, 4, 3), np.uint8))


def results(path: Path) -> None:
    from callbacks.run_files import write_json

    write_json(path, {})


def a_table(path: Path) -> None:
    from experiments.evaluation.results_folder import EvaluationFolder

    EvaluationFolder(path.parent, [], []).write({})


def failures(path: Path) -> None:
    from datamodules.alignment import CropReport

    CropReport([]).write(path.parent, {}, 0.0)


def a_manifest(path: Path) -> None:
    from datamodules.protocols.lfw_occ.manifest import write_manifest

    write_manifest(path, [])


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (an_occlusion_map, "map.npz"),
        (a_history, "history.json"),
        (a_figure, "figure.svg"),
        (a_grid, "grid.png"),
        (a_crop, "crop.png"),
        (results, "results.json"),
        (a_table, "results.csv"),
        (failures, "failed.csv"),
        (a_manifest, "manifest.csv"),
    ],
)
def test_what_the_suite_writes_is_whole_or_as_it_was(
    write: Callable[[Path], None], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "files"
    write(folder / name)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert folder / name in before

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Exception, match="No space left on device"):
        write(folder / name)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
