"""What a file in ``experiments/tables`` declares of a paper, and what its rows depend on."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from graphlib import TopologicalSorter
from typing import Annotated, Any, TypeVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from datamodules.seams.conditions import CLEAN
from experiments.reproduction.paper_parts import STRICT, Column, Comparison, Curves, Figure, PaperRow, Table
from experiments.runs.layers import default_mixture
from experiments.runs.resolution import substituted

T = TypeVar("T")


@dataclass(frozen=True, config=STRICT)
class Paper:
    """What is reproduced of a paper.

    Args:
        title: The paper's.
        source: Its address or DOI.
        rows: By key: a word of letters, digits and ``_``.
        tables: In the paper's order.
        comparisons: Paired differences.
        figures: In the paper's order.
        curves: Training curves.
        seeds: Run by default.
        quick: Rows of ``make reproduce-quick``.
        scales: ``demo`` and ``paper``: what ``${…}`` stands for in options.
        note: What a reader must know of the whole.
    """

    title: str
    source: str
    rows: dict[str, PaperRow]
    tables: list[Table]
    comparisons: list[Comparison] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    seeds: Annotated[list[int], Field(min_length=1)] = field(default_factory=lambda: [0, 1, 2])
    quick: list[str] = field(default_factory=list)
    scales: dict[str, dict[str, Any]] = field(default_factory=lambda: {"demo": {}, "paper": {}})
    note: str = ""

    def maps(self) -> dict[str, str]:
        """Return the names of rows' maps, as others call them, and whose they are."""
        return {f"{key}_{name}": key for key, row in self.rows.items() for name in row.maps}

    def depends_on(self, key: str, scale: str) -> list[str]:
        """Return the rows that a row's training depends on, in their order."""
        owners = {**{row: row for row in self.rows}, **self.maps()}
        names = self.resolved(key, scale).references()
        return list(dict.fromkeys(owners[name] for name in names if name in owners))

    def resolved(self, key: str, scale: str, **more: Any) -> PaperRow:
        """Return a row with the scale's values in the place of their names; references to rows stay."""
        occluders = {name: share for name, share in default_mixture().items() if name != CLEAN}
        row, values = self.rows[key], {"default_occluders": occluders, **self.scales[scale], **more}
        names = ("changes", "starts_from", "longer", "copies", "maps")
        found = {name: substituted(getattr(row, name), values) for name in names}
        return replace(row, **found | {"longer": float(found["longer"])})

    def at(self, scale: str) -> "Paper":
        """Return the paper with the scale's values in the place of their names in columns, figures and curves."""
        values = self.scales[scale]
        return replace(
            self,
            tables=[replace(part, columns=_filled(part.columns, values)) for part in self.tables],
            comparisons=[replace(part, columns=_filled(part.columns, values)) for part in self.comparisons],
            figures=[replace(part, file=substituted(part.file, values)) for part in self.figures],
            curves=[replace(part, measure=substituted(part.measure, values)) for part in self.curves],
        )

    def only(self, keys: Collection[str]) -> "Paper":
        """Return the paper of some rows: tables, comparisons, figures and curves without the others."""
        tables = [
            replace(t, rows=[r for r in t.rows if r in keys], published=_of(t.published, keys)) for t in self.tables
        ]
        comparisons = [replace(c, pairs=[p for p in c.pairs if set(p) <= set(keys)]) for c in self.comparisons]
        figures = [replace(f, rows=[r for r in f.rows if r in keys]) for f in self.figures]
        curves = [replace(c, rows=[r for r in c.rows if r in keys]) for c in self.curves]
        return replace(
            self,
            rows=_of(self.rows, keys),
            tables=[t for t in tables if t.rows],
            comparisons=[c for c in comparisons if c.pairs],
            figures=[f for f in figures if f.rows],
            curves=[c for c in curves if c.rows],
        )

    def with_dependencies(self, keys: Iterable[str], scale: str) -> list[str]:
        """Return rows, what they depend on and what makes their masks, in an order in which they can be trained."""
        wanted, left = set[str](), list(keys)
        while left:
            key = left.pop()
            if key not in wanted:
                wanted.add(key)
                matched = self.rows[key].matched
                left += [*self.depends_on(key, scale), *([matched] if matched in self.rows else [])]
        graph = {key: self.depends_on(key, scale) for key in self.rows if key in wanted}
        return list(TopologicalSorter(graph).static_order())


def _filled(columns: Sequence[Column], values: Mapping[str, Any]) -> list[Column]:
    return [replace(column, measures=substituted(column.measures, values)) for column in columns]


def _of(values: Mapping[str, T], keys: Collection[str]) -> dict[str, T]:
    return {key: value for key, value in values.items() if key in keys}
