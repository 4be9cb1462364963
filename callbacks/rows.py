"""Evaluation results gathered over processes: one row for each face, whichever process saw it, however often."""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from callbacks.metrics.checks import finite_rows
from datamodules.errors import DataError
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch


@dataclass(frozen=True, slots=True)
class Rows:
    """Results of :math:`N` distinct faces in the order of (condition, index).

    Raises:
        DataError: If a value is not finite: no measure of it would be one. The first such face is named.
    """

    occluder: list[str]
    """Length ``N``: the condition."""
    index: Tensor
    """``(N,)`` int64."""
    identity: Tensor
    """``(N,)`` int64."""
    value: Tensor
    """``(N, ...)``: what was collected, such as embeddings."""
    name: list[str] = field(default_factory=list)
    """Length ``N``: what to call the images; empty where that is not known."""

    def __post_init__(self) -> None:
        bad = torch.nonzero(~finite_rows(self.value))[:, 0].tolist()
        if bad:
            found = f"expected a finite embedding, got NaN or infinity ({len(bad)} images)"
            raise DataError(f"{self.called(bad[0])}: {found}")

    def called(self, row: int) -> str:
        """Return what to call a face in a message: its image, and what it was evaluated under."""
        name = self.name[row] if self.name else f"image {int(self.index[row])}"
        return name if self.occluder[row] == CLEAN else f"{name} under {self.occluder[row]}"

    def where(self, keep: Tensor) -> "Rows":
        """Return the rows where ``(N,)`` bool ``keep`` holds."""
        conditions, names = (
            [text for text, kept in zip(texts, keep.tolist(), strict=False) if kept]
            for texts in (self.occluder, self.name)
        )
        return Rows(conditions, self.index[keep], self.identity[keep], self.value[keep], names)

    def of(self, occluder: str) -> "Rows":
        """Return the rows of one condition."""
        return self.where(torch.tensor([name == occluder for name in self.occluder], dtype=torch.bool))


class RowCollector:
    """Collects one value for each face of an evaluation epoch.

    Distributed samplers repeat faces so that all processes have equally many; a face is counted once here.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[list[str], list[str], Tensor, Tensor, Tensor]] = []

    def add(self, batch: FaceBatch, value: Tensor) -> None:
        """Add the ``(B, ...)`` values of a batch."""
        names = batch.get("name") or [f"image {index}" for index in batch["index"].tolist()]
        labels = (batch["index"].cpu(), batch["identity"].cpu())
        self._parts.append((batch["occluder"], names, *labels, value.detach().cpu()))

    def gather(self) -> Rows | None:
        """Return the rows of all processes and forget them; ``None`` if nothing was collected anywhere.

        Raises:
            DataError: If a value is not finite, or one face of a condition has two identities; all processes raise.
        """
        parts, self._parts = self._parts, []
        if dist.is_available() and dist.is_initialized():
            gathered: list[Any] = [None] * dist.get_world_size()
            dist.all_gather_object(gathered, parts)
            parts = [part for process in gathered for part in process]
        if not parts:
            return None
        conditions, names = ([text for part in parts for text in part[i]] for i in (0, 1))
        index, identity, value = (torch.cat([part[i] for part in parts]) for i in (2, 3, 4))  # type: ignore[misc]  # these are tensors
        first: dict[tuple[str, int], int] = {}
        people = identity.tolist()
        for row, key in enumerate(zip(conditions, index.tolist(), strict=True)):
            if people[first.setdefault(key, row)] != people[row]:
                raise DataError(f"{names[row]}: expected one identity, got two under {key[0]!r}")
        order = [row for _, row in sorted(first.items())]
        return Rows(
            [conditions[row] for row in order],
            index[order],
            identity[order],
            value[order],
            [names[row] for row in order],
        )
