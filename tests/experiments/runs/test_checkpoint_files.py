"""Checkpoints: whole or as they were, wherever temporary files are; a damaged one gives way to the one before."""

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules.errors import DataError
from experiments.cli import UserError, run
from experiments.runs.checkpoint_files import usable_checkpoint, whole_checkpoint
from experiments.runs.saving import WholeCheckpoints
from lightning_modules.networks.checkpoint_file import SHARDS
from tests.experiments.conftest import Options


def content(value: float) -> dict[str, Any]:
    return {"state_dict": {"network.weight": torch.full((100, 100), value)}}


def value_of(path: Path) -> float:
    return float(torch.load(path, weights_only=True)["state_dict"]["network.weight"][0, 0])


def saved(path: Path, *values: float) -> WholeCheckpoints:
    written = WholeCheckpoints(falls_back=True)
    for value in values:
        written.save_checkpoint(content(value), path)
    return written


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1  # within the weights: torch alone would read it
    path.write_bytes(data)


def with_shards(path: Path, shards: bytes) -> None:
    """Save a checkpoint of which processes have shared out something, of which no more than the sum is looked at."""
    folder = Path(f"{path}.shards") / hashlib.sha256(shards).hexdigest()[:12]
    folder.mkdir(parents=True)
    (folder / "__0_0.distcp").write_bytes(shards)
    named = {"folder": f"{folder.parent.name}/{folder.name}", "tensors": []}
    files = {"__0_0.distcp": hashlib.sha256(shards).hexdigest()}
    written = content(0.0) | {SHARDS: {**named, "files": files}}
    WholeCheckpoints(falls_back=True).save_checkpoint(written, path)


def test_a_checkpoint_with_damaged_shards_gives_way_to_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with_shards(path, b"first" * 100)
    with_shards(path, b"second" * 100)
    assert whole_checkpoint(path) == path
    assert len(list((tmp_path / "last.ckpt.shards").iterdir())) == 2  # the one before keeps its own
    latest = tmp_path / "last.ckpt.shards" / hashlib.sha256(b"second" * 100).hexdigest()[:12] / "__0_0.distcp"
    flip(latest)
    assert whole_checkpoint(path) == tmp_path / "last.ckpt.previous"
    with_shards(path, b"third" * 100)
    assert whole_checkpoint(path) == path
    saved(path, 1.0)
    saved(path, 2.0)  # by one process, which shares out nothing
    assert not (tmp_path / "last.ckpt.shards").exists()


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    saved(path, 1.0)
    child = os.fork()
    if not child:
        monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        saved(path, 2.0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert whole_checkpoint(path) == path
    assert value_of(path) == 1.0
    saved(path, 3.0)
    assert value_of(path) == 3.0
    assert not list(tmp_path.glob("*.tmp"))


def test_a_full_disk_is_one_line_and_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "last.ckpt"
    written = saved(path, 1.0)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"last\.ckpt: expected to write a checkpoint, got No space left on device$"):
        written.save_checkpoint(content(2.0), path)
    assert value_of(path) == 1.0


def test_temporary_files_are_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    saved(tmp_path / "new/last.ckpt", 1.0)


@pytest.mark.parametrize("damage", [lambda p: cut(p, 0), lambda p: cut(p, 0.7), flip], ids=["empty", "cut", "flipped"])
def test_a_damaged_one_gives_way_to_the_one_before(
    damage: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "last.ckpt"
    written = saved(path, 1.0, 2.0)
    assert whole_checkpoint(path) == path
    damage(path)
    assert value_of(whole_checkpoint(path)) == 1.0
    assert f"{path} is damaged" in caplog.text
    assert f"resuming from the one before, {path}.previous" in caplog.text
    assert written.load_checkpoint(path)["state_dict"]["network.weight"][0, 0] == 1.0


def test_or_to_the_latest_beside_it_that_is_not_newer(tmp_path: Path) -> None:
    for number, name in enumerate(("older", "best", "last", "newer")):
        saved(tmp_path / f"{name}.ckpt", number)
        os.utime(tmp_path / f"{name}.ckpt", (number, number))
    cut(tmp_path / "last.ckpt", 0.5)
    os.utime(tmp_path / "last.ckpt", (2, 2))
    assert whole_checkpoint(tmp_path / "last.ckpt") == tmp_path / "best.ckpt"
    cut(tmp_path / "best.ckpt", 0.5)
    os.utime(tmp_path / "best.ckpt", (1, 1))
    assert whole_checkpoint(tmp_path / "last.ckpt") == tmp_path / "older.ckpt"


def test_with_none_before_it_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.touch()
    with pytest.raises(DataError, match=f"Expected a whole checkpoint, got {path}, which is damaged .*none before it"):
        whole_checkpoint(path)
    with pytest.raises(DataError, match=f"Expected a checkpoint at {tmp_path}/nope.ckpt, got no such file"):
        whole_checkpoint(tmp_path / "nope.ckpt")


@pytest.mark.parametrize("others", [[], ["best.ckpt"]])
def test_the_one_before_goes_with_it_or_with_the_training_where_another_is_there(
    others: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "last.ckpt"
    written = saved(path, 1.0, 2.0)
    for name in others:
        saved(tmp_path / name, 0.0)
    written.teardown()
    assert (tmp_path / "last.ckpt.previous").exists() == (not others)
    written.remove_checkpoint(path)
    assert {entry.name for entry in tmp_path.iterdir()} == set(others)


def test_other_file_systems_are_lightning_s() -> None:
    import fsspec

    saved("memory://runs/last.ckpt", 1.0)  # type: ignore[arg-type]  # Lightning's type is as wide
    assert fsspec.filesystem("memory").exists("/runs/last.ckpt")
    fsspec.filesystem("memory").rm("/runs", recursive=True)


def weights(folder: str) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(f"{folder}/checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return found


def test_a_fit_goes_on_from_the_one_before_and_a_test_refuses(tiny: Options, caplog: pytest.LogCaptureFixture) -> None:
    options = ["--config=trunk_demo", *tiny, "--evaluate=false", "--trainer.callbacks=null"]
    save = {"class_path": "pytorch_lightning.callbacks.ModelCheckpoint", "init_args": {"filename": "last"}}
    every = [*options, f"--trainer.callbacks={[save]}", "--trainer.max_epochs=2"]
    fitted = run(["fit", *every])
    assert isinstance(fitted.trainer.strategy.checkpoint_io, WholeCheckpoints)
    first = str(fitted.trainer.log_dir)
    damaged = Path(first) / "checkpoints/last.ckpt"
    whole = weights(first)
    assert torch.load(f"{damaged}.previous", weights_only=True)["epoch"] == 0
    flip(damaged)

    with pytest.raises(UserError, match="damaged"):
        run(["test", *every, f"--ckpt_path={damaged}"])
    resumed = run(["fit", *every, f"--ckpt_path={damaged}"])
    assert f"resuming from the one before, {damaged}.previous" in caplog.text
    for name, weight in weights(str(resumed.trainer.log_dir)).items():
        assert torch.equal(weight, whole[name]), name


@pytest.mark.parametrize("kind", [str, Path])
def test_names_that_are_no_files_are_told_whatever_a_parser_has_made_of_them(
    kind: type[str | Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="Expected a file as `ckpt_path`, got 'best'"):
        usable_checkpoint(kind("best"), resumes=True, folder=kind(tmp_path))
    with pytest.raises(UserError, match=r"Expected a checkpoint hpc_ckpt_….ckpt in .* for `ckpt_path` 'hpc', got none"):
        usable_checkpoint(kind("hpc"), resumes=True, folder=kind(tmp_path))
    (tmp_path / "hpc_ckpt_1.ckpt").touch()
    assert usable_checkpoint(kind("hpc"), resumes=True, folder=kind(tmp_path)) == "hpc"
    assert usable_checkpoint(kind("last"), resumes=True, folder=kind(tmp_path)) == "last"
