"""The base of all metrics here: rows that count once, whichever process saw them, however often."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from callbacks.metrics.metric_checks import finite_rows


class RowMetric(Metric):
    """Collects rows of several columns, each with an index; a repeated index counts once.

    Distributed samplers repeat samples so that all processes have equally many. What is computed, is computed from the
    rows of all processes in the order of their index, by each of them.

    Args:
        columns: Names of the states, the key's first; ``index`` is one more.
        kwargs: Of :class:`torchmetrics.Metric`.
    """

    full_state_update = False
    is_differentiable = False

    def __init__(self, *columns: str, **kwargs: Any) -> None:
        super().__init__(**{"dist_sync_fn": gather_ragged, **kwargs})
        self.columns = (*columns, "index")
        for name in self.columns:
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def add_rows(self, *values: Tensor, index: Tensor | None) -> None:
        """Add ``(B, ...)`` values of all columns; without an index ``(B,)`` each row counts."""
        first = values[0]
        if index is None:
            index = torch.full(first.shape[:1], -1, device=first.device)
        for name, value in zip(self.columns, (*values, index), strict=True):
            if value.shape[:1] != first.shape[:1] or value.ndim == 0:
                raise ValueError(
                    f"Expected `{name}` for each of `{self.columns[0]}`, "
                    f"got {tuple(value.shape)} for {tuple(first.shape)}"
                )
            getattr(self, name).append(value.detach())

    def rows(self) -> tuple[Tensor, ...]:
        """Return all columns and the index, ``(N, ...)`` each, of distinct rows.

        Raises:
            ValueError: If nothing was added, an index names rows that differ in an integer or bool column, or a value
                is not finite: all processes raise, whichever saw it.
        """
        *values, index = (dim_zero_cat(getattr(self, name)) for name in self.columns)
        *values, index = distinct(*values, index=index)
        for name, value in zip(self.columns, values, strict=False):
            self._check_finite(name, value, index)
        return (*values, index)

    def _check_finite(self, name: str, value: Tensor, index: Tensor) -> None:
        bad = torch.nonzero(~finite_rows(value))[:, 0]
        if len(bad):
            first = int(index[bad[0]])
            where = f", first of index {self.index_of(first)}" if first >= 0 else f", first at {int(bad[0])}"
            raise ValueError(f"Expected finite {name}, got NaN or infinity in {len(bad):,} of {len(index):,}{where}")

    @staticmethod
    def index_of(index: int) -> int:
        """Return the index that was given to ``update`` for one that is kept."""
        return index


def distinct(*values: Tensor, index: Tensor) -> tuple[Tensor, ...]:
    """Return values and index of the first row of each index, in ascending order; rows of index -1 all stay.

    Args:
        values: Columns, ``(N, ...)`` each.
        index: ``(N,)`` int64.

    Raises:
        ValueError: If an index names rows that differ in an integer or bool column.

    Example:
        >>> distinct(torch.tensor([0.3, 0.1, 0.3]), index=torch.tensor([7, 2, 7]))
        (tensor([0.1000, 0.3000]), tensor([2, 7]))
    """
    index, order = index.sort(stable=True)
    repeated = torch.zeros_like(index, dtype=torch.bool)
    repeated[1:] = (index[1:] == index[:-1]) & (index[1:] >= 0)
    columns = [value[order] for value in values]
    for column in columns:
        if not column.is_floating_point() and column.ndim == 1:
            clash = torch.unique(index[1:][repeated[1:] & (column[1:] != column[:-1])])
            if len(clash):
                raise ValueError(f"Expected one row for each index, got different ones for {clash[:5].tolist()}")
    return (*(column[~repeated] for column in columns), index[~repeated])


def gather_ragged(value: Tensor, group: Any = None) -> list[Tensor]:
    """Return the tensors of all processes that have any; unlike torchmetrics' own, some may have none at all.

    Example:
        >>> gather_ragged(torch.tensor([1, 2])) if dist.is_initialized() else "needs processes"
        'needs processes'
    """
    gathered: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(gathered, value.cpu(), group=group)
    return [part.to(value.device) for part in gathered if part.numel()] or [value]
