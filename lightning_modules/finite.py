"""What is not finite stops a run, in all processes together, and is named.

Nothing here waits for the device before a check: what a step hands over is kept there until then.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor

from datamodules.errors import DataError
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch

REMEDY = "lower the learning rate, clip gradients, or train in bf16-mixed or 32-true"


class FiniteFaces:
    """Remembers of which faces a network's results are not finite: no measure of them would be one."""

    def __init__(self) -> None:
        self._parts: list[tuple[FaceBatch, Tensor]] = []

    def add(self, batch: FaceBatch, *results: Tensor) -> None:
        """Look at ``(B, ...)`` results of a batch."""
        finite = torch.stack([result.detach().flatten(1).isfinite().all(1) for result in results]).all(0)  # (B,)
        labels = FaceBatch(**{**batch, "image": finite.new_empty(0), "mask": finite.new_empty(0)})  # not the pixels
        self._parts.append((labels, finite))

    def clear(self) -> None:
        """Forget all faces."""
        self._parts = []

    def check(self) -> None:
        """Forget all faces; all processes call this.

        Raises:
            DataError: If a result was not finite in any process, naming the first such face.
        """
        parts, self._parts = self._parts, []
        bad = [name for batch, finite in parts for name in _names(batch, ~finite)]
        if found := list(dict.fromkeys(_of_all_processes(bad))):
            raise DataError(
                f"{found[0]}: expected finite results of the network, got NaN or infinity ({len(found)} images)"
            )


class FiniteLosses:
    """Remembers losses until they are checked."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._batches: list[int] = []

    def add(self, batch: int, loss: Tensor) -> None:
        """Keep the loss of a batch."""
        self._losses.append(loss.detach())
        self._batches.append(batch)

    def clear(self) -> None:
        """Forget all losses."""
        self._losses, self._batches = [], []

    @property
    def number(self) -> int:
        """Number of losses kept."""
        return len(self._losses)

    def first_bad(self) -> int | None:
        """Return the first batch whose loss was not finite in any process, and forget all; all processes call this."""
        losses, batches = self._losses, self._batches
        self.clear()
        if not losses:
            return None
        finite = torch.stack(losses).isfinite()
        numbers = torch.tensor(batches, device=finite.device).masked_fill(finite, torch.iinfo(torch.int64).max)
        first = numbers.min()
        if _distributed():
            dist.all_reduce(first, dist.ReduceOp.MIN)
        number = int(first)
        return None if number == torch.iinfo(torch.int64).max else number


def first_not_finite(tensors: dict[str, Tensor]) -> str | None:
    """Return the name of the first tensor that is not finite; all processes that share out some call this.

    Example:
        >>> first_not_finite({"weight": torch.ones(2), "bias": torch.tensor([0.0, torch.nan])})
        'bias'
    """
    parts = {name: t.to_local() if isinstance(t, DTensor) else t for name, t in tensors.items()}
    bad: list[str] = []
    if parts and not bool(torch.stack([part.detach().isfinite().all() for part in parts.values()]).all()):
        bad = [name for name, part in parts.items() if not bool(part.isfinite().all())]
    if any(part is not tensors[name] for name, part in parts.items()):
        bad = _of_all_processes(bad)
    return next((name for name in tensors if name in bad), None)


def _names(batch: FaceBatch, chosen: Tensor) -> list[str]:
    rows = torch.nonzero(chosen)[:, 0].tolist()
    names = batch.get("name") or [f"image {index}" for index in batch["index"].tolist()]
    return [names[r] if batch["occluder"][r] == CLEAN else f"{names[r]} under {batch['occluder'][r]}" for r in rows]


def _of_all_processes(names: list[str]) -> list[str]:
    if not _distributed():
        return names
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, names)
    return [name for part in gathered for name in part]


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized()
