"""Evaluation results gathered over processes: one row for each face, whichever process saw it, however often."""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from callbacks.metrics.metric_checks import finite_rows
from datamodules.errors import DataError
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch

END = "\0"
"""Ends a condition's or an image's name among gathered bytes; no name of a file holds one."""


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


class RowCollector(Metric):
    """Collects one value for each face of an evaluation epoch, of whatever shape.

    Distributed samplers repeat faces so that all processes have equally many; a face is counted once here. Every
    process gathers the faces of all, in the same order; some may have seen none.

    Example:
        >>> collector = RowCollector()
        >>> image = torch.zeros(3, 3, 1, 1, dtype=torch.uint8)
        >>> index = torch.tensor([7, 2, 7])  # one is a padding sampler's repetition
        >>> batch = FaceBatch(image=image, mask=image[:, 0], identity=index, index=index, occluder=["none"] * 3)
        >>> collector.update(batch, torch.tensor([0.3, 0.1, 0.3]))
        >>> collector.gather().value
        tensor([0.1000, 0.3000])
    """

    full_state_update = False
    index: list[Tensor]
    identity: list[Tensor]
    value: list[Tensor]
    text: list[Tensor]
    """UTF-8 of the conditions and names, each with its :data:`END`."""

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=gather_ragged)
        for name in ("index", "identity", "value", "text"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, batch: FaceBatch, value: Tensor) -> None:
        """Add the ``(B, ...)`` values of a batch."""
        names = batch.get("name") or [f"image {index}" for index in batch["index"].tolist()]
        texts = "".join(f"{text}{END}" for pair in zip(batch["occluder"], names, strict=True) for text in pair)
        self.index.append(batch["index"].cpu())
        self.identity.append(batch["identity"].cpu())
        self.value.append(value.detach().cpu())
        self.text.append(torch.frombuffer(bytearray(texts, "utf-8", "surrogatepass"), dtype=torch.uint8))

    def compute(self) -> tuple[Tensor, ...]:
        """Return index, identity, value and text as they came; nothing where nothing did."""
        states = (self.index, self.identity, self.value, self.text)
        return tuple(dim_zero_cat(state) for state in states) if len(self.index) else ()

    def gather(self) -> Rows | None:
        """Return the rows of all processes and forget them; ``None`` if nothing was collected anywhere.

        Raises:
            DataError: If a value is not finite, or one face of a condition has two identities; all processes raise.
        """
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            columns = RowCollector.compute(self)  # the instance's own would warn where this process saw nothing
        self.reset()
        return _distinct(*columns) if columns and len(columns[0]) else None


def _distinct(index: Tensor, identity: Tensor, value: Tensor, text: Tensor) -> Rows:
    """Return the first row of each face under each condition, in the order of both."""
    texts = text.numpy().tobytes().decode("utf-8", "surrogatepass").split(END)
    conditions, names = texts[:-1:2], texts[1::2]
    first: dict[tuple[str, int], int] = {}
    identities = identity.tolist()
    for row, key in enumerate(zip(conditions, index.tolist(), strict=True)):
        if identities[first.setdefault(key, row)] != identities[row]:
            raise DataError(f"{names[row]}: expected one identity, got two under {key[0]!r}")
    order = [row for _, row in sorted(first.items())]
    labels = ([texts[row] for row in order] for texts in (conditions, names))
    return Rows(next(labels), index[order], identity[order], value[order], next(labels))


def gather_ragged(value: Tensor, group: Any = None) -> list[Tensor]:
    """Return the tensors of all processes that have any; unlike torchmetrics' own, some may have none at all.

    Example:
        >>> gather_ragged(torch.tensor([1, 2])) if dist.is_initialized() else "needs processes"
        'needs processes'
    """
    gathered: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(gathered, value.cpu(), group=group)
    return [part.to(value.device) for part in gathered if part.numel()] or [value]
