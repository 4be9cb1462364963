"""Shards beside a checkpoint: read whole or in part, never run, and missed where they are damaged."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lightning_modules.networks import read_state_dict
from lightning_modules.networks.class_parallel import damaged_shards, forget_shards
from tests.helpers.processes import run_in

WHOLE = torch.arange(35.0).reshape(7, 5)
CODE = """
from pathlib import Path
from torch.distributed.device_mesh import init_device_mesh
from lightning_modules.networks.checkpoint_file import SHARDS
from lightning_modules.networks.class_parallel import put_together, taken_apart, write_shards
from lightning_modules.networks.class_parallel.class_shard import sharded

mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
whole, path = torch.arange(35.0).reshape(7, 5), Path(folder) / "last.ckpt"
given = {"state_dict": {"network.a": torch.ones(2), "classifier.1.weight": sharded(whole, 0, mesh)},
         "optimizer_states": [{"state": {1: {"momentum_buffer": sharded(whole.T.contiguous(), 1, mesh)}}}]}
kept, tensors = taken_apart(given)
kept[SHARDS] = write_shards(tensors, path)
if rank == 0:
    torch.save(kept, path)
distributed.barrier()
found = torch.load(path, weights_only=True)
put_together(found, path.parent, mesh=mesh)
momentum = found["optimizer_states"][0]["state"][1]["momentum_buffer"]
assert torch.equal(found["state_dict"]["classifier.1.weight"].full_tensor(), whole)
assert torch.equal(momentum.full_tensor(), whole.T)
assert list(momentum.to_local().shape) == [5, min(7, 4 * rank + 4) - 4 * rank]
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    run_in(2, CODE, folder)
    return folder


@pytest.fixture
def checkpoint(written: Path, tmp_path: Path) -> Path:
    """Return a copy, by other names of the same files."""
    for file in (file for file in written.rglob("*") if file.is_file()):
        copy = tmp_path / file.relative_to(written)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    return tmp_path / "last.ckpt"


pytestmark = [pytest.mark.ddp, pytest.mark.slow]


def test_one_process_reads_the_whole(checkpoint: Path) -> None:
    state = read_state_dict(checkpoint)
    assert torch.equal(state["classifier.1.weight"], WHOLE)
    assert damaged_shards(checkpoint) is None


def cut(file: Path) -> None:
    os.truncate(file, 100)


@pytest.mark.parametrize("name", [".metadata", "__0_0.distcp", "__1_0.distcp"])
@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_a_damaged_file_is_found_and_named(name: str, damage: Callable[[Path], None], checkpoint: Path) -> None:
    (file,) = checkpoint.parent.rglob(name)
    damage(file)
    assert str(file) in str(damaged_shards(checkpoint))
    with pytest.raises(ValueError, match=r"Expected the shards that a checkpoint names, in the folder beside it, got"):
        read_state_dict(checkpoint)


def test_damage_is_found_by_whatever_name_the_checkpoint_has(checkpoint: Path) -> None:
    other = checkpoint.rename(checkpoint.with_name("of-another-name.ckpt"))
    assert torch.equal(read_state_dict(other)["classifier.1.weight"], WHOLE)
    assert damaged_shards(other) is None
    (file,) = checkpoint.parent.rglob("__1_0.distcp")
    cut(file)
    assert str(file) in str(damaged_shards(other))


class Hostile:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch was_run",)


def test_a_description_that_is_code_is_not_run(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (file,) = checkpoint.parent.rglob(".metadata")
    file.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(ValueError, match="it holds more than a description of tensors"):
        read_state_dict(checkpoint)
    assert not (tmp_path / "was_run").exists()


def test_shards_that_no_checkpoint_names_are_removed(checkpoint: Path) -> None:
    folder = checkpoint.with_name("last.ckpt.shards")
    (folder / "older").mkdir()
    forget_shards(checkpoint)
    assert damaged_shards(checkpoint) is None
    assert len(list(folder.iterdir())) == 1
    checkpoint.rename(checkpoint.with_name("last.ckpt.previous"))
    forget_shards(checkpoint)
    assert damaged_shards(checkpoint.with_name("last.ckpt.previous")) is None
    checkpoint.with_name("last.ckpt.previous").unlink()
    forget_shards(checkpoint)
    assert not folder.exists()
