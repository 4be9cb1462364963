"""The rows that a reproduction is asked for: planned, shown, and what became of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.cli.user_errors import UserError
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_file import files_of, load
from experiments.reproduction.paper_parts import unknown
from experiments.reproduction.paper_runs import Protocol, add_paper
from experiments.reproduction.row_run import PlannedRow, RowRun
from experiments.runs.run_graph import RunGraph
from experiments.runs.run_record import RunRecord, recorded
from experiments.runs.run_schedule import left
from experiments.runs.setting import Setting


class AskedRows:
    """Rows of papers, with seeds.

    Args:
        names: Of papers, or their files.
        seeds: By default those of each file; with ``quick`` its first.
        rows: Keys; by default all, or with ``quick`` those that the file says are.
        quick: Whether few are enough.

    Raises:
        UserError: If there is no such paper or row, or a file is wrong.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        seeds: Sequence[int] | None = None,
        rows: Sequence[str] | None = None,
        quick: bool = False,
    ) -> None:
        self.files = files_of(names)
        self.papers = {name: load(path) for name, path in self.files.items()}
        self.seeds, self.rows, self.quick = seeds, rows, quick
        self.graph = RunGraph()
        self.scale = ""
        self.planned: dict[str, list[PlannedRow]] = {}
        every = [row for paper in self.papers.values() for row in paper.rows]
        for row in rows or ():
            if row not in every:
                raise UserError(unknown("row", row, every))

    def plan(self, setting: Setting, protocols: Sequence[Protocol]) -> None:
        """Add the runs of all rows to the graph; those that are not asked for may be there from before."""
        self.scale = setting.scale
        for name, paper in self.papers.items():
            seeds = self.seeds or ([paper.seeds[0]] if self.quick else paper.seeds)
            wanted = self._keys(paper)
            self.planned[name] = add_paper(self.graph, paper, setting, protocols, dict.fromkeys(seeds), wanted)

    def wanted(self) -> list[PlannedRow]:
        """Return the rows that are asked for, and those that they depend on."""
        keys = {name: self._keys(paper) for name, paper in self.papers.items()}
        return [row for name, rows in self.planned.items() for row in rows if row.row in keys[name]]

    def found(self, name: str, ended: Mapping[Path, RunRecord]) -> tuple[Paper, list[RowRun]]:
        """Return what a paper's report is of: rows that were asked for, and those that were done before."""
        keys = self._keys(self.papers[name])
        runs = [(row, row.outcome(ended)) for row in self.planned[name]]
        shown = [run for row, run in runs if row.row in keys or run.status == "done"]
        return self.papers[name].at(self.scale).only({run.row for run in shown}), shown

    def _keys(self, paper: Paper) -> list[str]:
        own = [row for row in self.rows or () if row in paper.rows]
        asked = own if self.rows else list((paper.quick if self.quick else None) or paper.rows)
        return paper.with_dependencies(asked, self.scale)


def show(asked: AskedRows) -> None:
    """Print what would be run, and what is there."""
    rows = asked.wanted()
    todo = left(asked.graph, [node for row in rows for node in row.nodes()])
    told: set[Path] = set()
    for row in rows:
        lacking = [one.protocol for one in row.evaluations if one.recalled() is None]
        lacking += [f"maps, {name}" for name, node in row.maps.items() if node.folder in todo]
        status = recorded(row.node.folder).status
        missing = f", not evaluated by {', '.join(lacking)}" if status == "done" and lacking else ""
        print(f"{row.row}, seed {row.seed}: {status}{missing} ({row.node.folder})")
        print(f"  {row.node.spec.command()}")
        told.update(node.folder for node in row.nodes())
    for folder in todo:
        if folder not in told:
            print(f"{asked.graph.nodes[folder].name}: {recorded(folder).status} ({folder})")
            print(f"  {asked.graph.nodes[folder].spec.command()}")


def refuse_missing(runs: Sequence[RowRun]) -> None:
    """Refuse to be content with rows that failed."""
    missing = [run for run in runs if run.status != "done"]
    if missing:
        first = missing[0]
        raise UserError(f"{len(missing)} runs are missing; {first.row}, seed {first.seed}: {first.error}")
    failed = [(run, protocol, error) for run in runs for protocol, error in run.unevaluated.items()]
    if failed:
        run, protocol, error = failed[0]
        where = f"{run.row}, seed {run.seed}, by {protocol}"
        raise UserError(f"{len(failed)} evaluations are missing; {where}: {error}")
