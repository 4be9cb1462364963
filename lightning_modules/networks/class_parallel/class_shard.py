"""Which classes a process has, of all that are shared out over processes."""

from typing import NamedTuple

from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard


class ClassShard(NamedTuple):
    """The classes of one process: a run of equal length, of the last process shorter where they do not divide.

    Args:
        num_classes: n, of all processes.
        processes: W.
        rank: Of this process, from 0.

    Example:
        >>> [(one.start, one.stop) for one in (ClassShard(7, 3, rank) for rank in range(3))]
        [(0, 3), (3, 6), (6, 7)]
    """

    num_classes: int
    processes: int = 1
    rank: int = 0

    @property
    def size(self) -> int:
        """Classes of every process but the last."""
        return -(-self.num_classes // self.processes)

    @property
    def start(self) -> int:
        """The first class."""
        return self.size * self.rank

    @property
    def stop(self) -> int:
        """The class after the last."""
        return min(self.num_classes, self.start + self.size)

    def check(self) -> None:
        """Refuse classes that leave a process without any.

        Raises:
            ValueError: If they do.
        """
        if self.size * (self.processes - 1) >= self.num_classes:
            expected = f"Expected classes for each of {self.processes} processes with `class_parallel`"
            raise ValueError(f"{expected}, got {self.num_classes} classes, {self.size} a process")


def sharded(whole: Tensor, dim: int, mesh: DeviceMesh) -> DTensor:
    """Return a tensor that every process has as one of which each keeps its part of a dimension, a copy."""
    mine = whole.detach().chunk(mesh.size(), dim)[mesh.get_local_rank()].clone()
    return DTensor.from_local(
        mine, mesh, [Shard(dim)], run_check=False, shape=whole.shape, stride=whole.contiguous().stride()
    )


def local(tensor: Tensor) -> Tensor:
    """Return what this process has of a tensor, with gradient."""
    if not isinstance(tensor, DTensor):
        return tensor
    part: Tensor = tensor.to_local()
    return part


def as_part_of(part: Tensor, whole: Tensor) -> Tensor:
    """Return this process's part as a tensor that is sharded as another is; as it is, where that is not."""
    if not isinstance(whole, DTensor):
        return part
    return DTensor.from_local(
        part, whole.device_mesh, whole.placements, run_check=False, shape=whole.shape, stride=whole.stride()
    )
