"""Evaluation results gathered over processes: one row for each face, whichever process saw it, however often."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from datamodules.batch import FaceBatch


@dataclass(frozen=True, slots=True)
class Rows:
    """Results of :math:`N` distinct faces in the order of (occluder, index)."""

    occluder: list[str]
    index: Tensor
    """``(N,)`` int64."""
    identity: Tensor
    """``(N,)`` int64."""
    value: Tensor
    """``(N, ...)``: what was collected."""

    def where(self, keep: Tensor) -> "Rows":
        """Return the rows where ``(N,)`` bool ``keep`` holds."""
        chosen = [name for name, kept in zip(self.occluder, keep.tolist(), strict=True) if kept]
        return Rows(chosen, self.index[keep], self.identity[keep], self.value[keep])

    def of(self, occluder: str) -> "Rows":
        """Return the rows of one occluder category."""
        return self.where(torch.tensor([name == occluder for name in self.occluder], dtype=torch.bool))


class RowCollector:
    """Collects one value for each face of an evaluation epoch.

    Distributed samplers repeat faces so that all processes have equally many; a face is counted once here.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[list[str], Tensor, Tensor, Tensor]] = []

    def add(self, batch: FaceBatch, value: Tensor) -> None:
        """Add the ``(B, ...)`` values of a batch."""
        self._parts.append((batch["occluder"], batch["index"].cpu(), batch["identity"].cpu(), value.detach().cpu()))

    def gather(self) -> Rows | None:
        """Return the rows of all processes and forget them; ``None`` if nothing was collected anywhere."""
        parts, self._parts = self._parts, []
        if dist.is_available() and dist.is_initialized():
            gathered: list[Any] = [None] * dist.get_world_size()
            dist.all_gather_object(gathered, parts)
            parts = [part for process in gathered for part in process]
        if not parts:
            return None
        names = [name for part in parts for name in part[0]]
        index, identity, value = (torch.cat([part[i] for part in parts]) for i in (1, 2, 3))  # type: ignore[misc]  # 1, 2, 3 are tensors
        first = {key: row for row, key in reversed(list(enumerate(zip(names, index.tolist(), strict=True))))}
        order = [row for _, row in sorted(first.items())]
        return Rows([names[row] for row in order], index[order], identity[order], value[order])
