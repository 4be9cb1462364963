"""Reading torch's distributed checkpoints: any part of any tensor, by one process or many, and no code."""

import pickle
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Shard, empty

from lightning_modules.networks.foreign import reason

KNOWN = {
    "torch": {"Size", "device"},
    "torch.distributed.checkpoint.metadata": {
        "BytesStorageMetadata",
        "ChunkStorageMetadata",
        "Metadata",
        "MetadataIndex",
        "StorageMeta",
        "TensorProperties",
        "TensorStorageMetadata",
        "_MEM_FORMAT_ENCODING",
    },
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.serialization": {"_get_layout"},
    "collections": {"OrderedDict"},
    "builtins": {"getattr"},
}
"""What a description of shards is pickled with; anything else in it could be code."""


def read_tensors(folder: Path, dims: Mapping[str, int], mesh: DeviceMesh | None = None) -> dict[str, Tensor]:
    """Return tensors of a distributed checkpoint by name; no process waits for another.

    Args:
        folder: Where it is.
        dims: Name → the dimension that is shared out.
        mesh: The processes that share it out, each its own part; ``None`` is the whole tensors.

    Raises:
        ValueError: If a file is missing or damaged.
    """
    reader = _Reader(folder)
    described: Any = reader.read_metadata().state_dict_metadata
    tensors: dict[str, Tensor] = {}
    for name, dim in dims.items():
        size, dtype = described[name].size, described[name].properties.dtype
        tensors[name] = (
            torch.empty(size, dtype=dtype)
            if mesh is None
            else empty(size, dtype=dtype, device_mesh=mesh, placements=[Shard(dim)])
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.distributed is ")  # no process waits for another: as is wanted
            load(dict(tensors), storage_reader=reader, no_dist=True)
    except CheckpointException as error:
        raise first_failure(error) from error
    return tensors


def first_failure(error: CheckpointException) -> ValueError:
    """Return what torch wraps with tracebacks, in something that no ``except Exception`` catches, as one line."""
    failure = next(iter(error.failures.values()))[0]
    return ValueError(reason(failure))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("pathlib"):  # where it was written, of whatever system
            return PurePath
        is_of_torch = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype | torch.layout)
        if not is_of_torch and name not in KNOWN.get(module, ()):
            raise pickle.UnpicklingError(f"it holds more than a description of tensors: {module}.{name}")
        return _member if module == "builtins" else getattr(import_module(module), name)


def _member(enumeration: Any, name: str) -> Any:
    """Return a member of an enumeration, for which some versions of Python ask by ``getattr``."""
    return enumeration[name]


class _Reader(FileSystemReader):
    def read_metadata(self, *_: Any, **__: Any) -> Metadata:
        with (Path(self.path) / ".metadata").open("rb") as file:
            metadata: Metadata = _Unpickler(file).load()
        return metadata
