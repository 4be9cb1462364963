"""Tensors that are shared out over processes, in files beside the checkpoint that they belong to.

``last.ckpt`` holds all that every process has, and names a folder of ``last.ckpt.shards`` with what they share out, in
the format of :mod:`torch.distributed.checkpoint`. The folder is another for each checkpoint, so that ``last.ckpt``,
which is put in place whole when the folder is complete, and the one before it keep their own.
"""

import hashlib
import secrets
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor

from lightning_modules.networks.checkpoint_file import SHARDS
from lightning_modules.networks.class_parallel.shard_reader import first_failure, read_tensors
from lightning_modules.networks.foreign import foreign

SUFFIX = ".shards"
Place = tuple[str | int, ...]
"""Keys that lead to a tensor of a checkpoint."""


def taken_apart(node: Any, place: Place = ()) -> tuple[Any, dict[Place, DTensor]]:
    """Return a checkpoint without its sharded tensors, and these by their places."""
    if not isinstance(node, Mapping | list):
        return node, {}
    items = node.items() if isinstance(node, Mapping) else enumerate(node)
    kept: dict[Any, Any] = {}
    found: dict[Place, DTensor] = {}
    for key, value in items:
        if isinstance(value, DTensor):
            found[*place, key] = value
        else:
            kept[key], inside = taken_apart(value, (*place, key))
            found |= inside
    return (kept if isinstance(node, Mapping) else list(kept.values())), found


def write_shards(tensors: Mapping[Place, DTensor], path: Path) -> dict[str, Any]:
    """Write each process's parts into a new folder beside a checkpoint's path, and return what names them there.

    All processes call this.

    Raises:
        ValueError: If they cannot be written.
    """
    given: list[Any] = [f"{path.name}{SUFFIX}/{secrets.token_hex(6)}"]
    dist.broadcast_object_list(given, src=0)
    folder = path.parent / given[0]
    try:
        save({_name(place): t for place, t in tensors.items()}, storage_writer=FileSystemWriter(str(folder)))
    except CheckpointException as error:  # a BaseException
        raise ValueError(f"{folder}: expected to write a checkpoint's shards, got {first_failure(error)}") from error
    rank = dist.get_rank()
    own = sorted(folder.glob(f"__{rank}_*")) + ([folder / ".metadata"] if rank == 0 else [])
    files: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(files, {file.name: _sum(file) for file in own})
    dims = [(list(place), _dim(tensor)) for place, tensor in tensors.items()]
    return {"folder": given[0], "files": {name: s for part in files for name, s in part.items()}, "tensors": dims}


def put_together(checkpoint: dict[str, Any], parent: Path, *, mesh: DeviceMesh | None = None, part: str = "") -> None:
    """Read what a checkpoint's shards hold into it.

    Args:
        checkpoint: Is changed in place; one without shards is left as it is.
        parent: The folder that its file is in.
        mesh: Processes that share the tensors out, each reading its own parts; ``None`` is the whole tensors.
        part: The only one of the checkpoint's entries that is filled; empty is all.

    Raises:
        ValueError: If a file is missing or damaged.
    """
    named = checkpoint.pop(SHARDS, None)
    if named is None:
        return
    with foreign("the shards that a checkpoint names, in the folder beside it", parent / str(named["folder"])):
        wanted = {tuple(place): dim for place, dim in named["tensors"] if part in ("", place[0])}
        dims = {_name(place): dim for place, dim in wanted.items()}
        tensors = read_tensors(parent / named["folder"], dims, mesh)
        for place in wanted:
            node: Any = checkpoint
            for key in place[:-1]:
                node = node[key]
            node[place[-1]] = tensors[_name(place)]


def named_shards(path: Path) -> Mapping[str, Any] | None:
    """Return what a checkpoint's file says of its shards, ``None`` where it has none."""
    if not any(path.parent.glob(f"*{SUFFIX}")):  # of whatever name: the file may have another by now
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # whatever torch raises at a file that is none
        return None
    found = content.get(SHARDS) if isinstance(content, Mapping) else None
    return found if isinstance(found, Mapping) else None


def damaged_shards(path: Path) -> str | None:
    """Return what is wrong with the shards that a checkpoint's file names, ``None`` where they are as written."""
    named = named_shards(path)
    for name, expected in (named or {"files": {}})["files"].items():
        file = path.parent / str(named and named["folder"]) / name
        if not file.is_file():
            return f"{file}: no such file"
        if _sum(file) != expected:
            return f"{file} is not what was written"
    return None


def forget_shards(path: Path) -> None:
    """Remove the shards of earlier checkpoints at a path, which neither its file names nor the one before it."""
    folder = path.with_name(path.name + SUFFIX)
    if not folder.is_dir():
        return
    files = [file for file in path.parent.glob(f"{escape(path.name)}*") if file.is_file()]
    kept = {Path(str(named["folder"])).name for named in map(named_shards, files) if named}
    for other in folder.iterdir():
        if other.name not in kept:
            rmtree(other)
    if not kept:
        folder.rmdir()


def _name(place: Place) -> str:
    return "/".join(map(str, place))


def _dim(tensor: DTensor) -> int:
    (placement,) = tensor.placements
    return int(getattr(placement, "dim", 0))


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
