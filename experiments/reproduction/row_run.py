"""A row of a paper with one seed: the runs that it asks the graph for, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import NamedTuple

from experiments.runs.run_graph import Node
from experiments.runs.run_record import Evaluation, RunRecord, recorded


@dataclass(frozen=True, kw_only=True)
class RowRun(RunRecord):
    """What a row with one seed has found, as the report shows it: its training's record, and what was made of that.

    Its measures are with those of its maps and of its evaluations, ``ar/scarf/rank1``; what went wrong in maps stands
    beside what went wrong in evaluations.

    Args:
        row: Its key.
        seed: Of training, split and occluders, and of generated identities.
        folder: Of the training: configuration, checkpoints, figures, log.
        evaluations: Protocol → folder of what it has found, of the protocols that were asked for.
        maps: Folders of its maps.
    """

    row: str
    seed: int
    folder: str
    evaluations: Mapping[str, str] = field(default_factory=dict)
    maps: tuple[str, ...] = ()

    def folders(self) -> list[Path]:
        """Return where its pictures are: of the training, then of its maps."""
        return [Path(self.folder), *map(Path, self.maps)]


class PlannedRow(NamedTuple):
    """A row with one seed, as runs of the graph."""

    row: str
    seed: int
    node: Node
    maps: Mapping[str, Node]
    """By their names, those that are made of it."""
    evaluations: tuple[Evaluation, ...] = ()
    """Of its weights."""

    def nodes(self) -> list[Node]:
        """Return its training and its maps."""
        return [self.node, *self.maps.values()]

    def outcome(self, ended: Mapping[Path, RunRecord] | None = None) -> RowRun:
        """Return what became of it: by the records in its folders, and by what has just ended."""
        ended = ended or {}
        record = ended.get(self.node.folder) or recorded(self.node.folder)
        kept = {one.name: getattr(record, one.name) for one in fields(record)}
        kept |= {"command": record.command or self.node.spec.command()}
        run = RowRun(row=self.row, seed=self.seed, folder=str(self.node.folder), **kept)
        return self._with_measures(run, ended) if run.status == "done" else run

    def _with_measures(self, run: RowRun, ended: Mapping[Path, RunRecord]) -> RowRun:
        found = {one.protocol: (one, measures) for one in self.evaluations if (measures := one.recalled())}
        maps = {name: ended.get(node.folder) or recorded(node.folder) for name, node in self.maps.items()}
        made = {name: record.measures for name, record in maps.items() if record.status == "done"}
        failed = {f"maps, {name}": record.error for name, record in maps.items() if record.error}
        parts = [*made.values(), run.measures, *(measures for _, measures in found.values())]
        return replace(
            run,
            measures={name: value for part in parts for name, value in part.items()},
            evaluations={protocol: str(one.folder) for protocol, (one, _) in found.items()},
            unevaluated={**run.unevaluated, **failed},
            maps=tuple(str(self.maps[name].folder) for name in made),
        )
