"""A checkpoint of one process, shared out over several."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor

from lightning_modules.networks.class_parallel.class_shard import sharded


def share_out(checkpoint: Mapping[str, Any], dims: Mapping[str, int], order: Sequence[str], mesh: DeviceMesh) -> None:
    """Replace a checkpoint's whole tensors of some weights, in place, by what this process has of them.

    Args:
        checkpoint: Of Lightning; what is sharded stays as it is.
        dims: Name of a weight → the dimension that is shared out.
        order: Names of all weights, as the optimizer numbers them.
        mesh: The processes.
    """
    shapes = {name: checkpoint["state_dict"][name].shape for name in dims if name in checkpoint["state_dict"]}
    for weights in (checkpoint["state_dict"], checkpoint.get("gradients", {})):
        for name, dim in dims.items():
            _replace(weights, name, dim, mesh)
    for optimizer in checkpoint.get("optimizer_states", ()):
        for number, state in optimizer["state"].items():
            name = order[number]
            for key, value in list(state.items()) if name in shapes else ():
                if isinstance(value, Tensor) and value.shape == shapes[name]:
                    _replace(state, key, dims[name], mesh)


def _replace(tensors: dict[str, Any], name: str, dim: int, mesh: DeviceMesh) -> None:
    if name in tensors and not isinstance(tensors[name], DTensor):
        tensors[name] = sharded(tensors[name], dim, mesh)
