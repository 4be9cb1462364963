"""Which runs are left, and in what order; several at a time where there is room."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

from experiments.runs.finished import is_finished
from experiments.runs.lease import BusyError
from experiments.runs.process import Processes, StoppedError
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.run_record import RunRecord, recorded

LOOKS = 1.0
"""Seconds until a run that another process is at is looked at again."""


def left(graph: RunGraph, wanted: Sequence[Node]) -> dict[Path, bool]:
    """Return the runs that are not finished, each after what it depends on, and whether others depend on it.

    What only finished runs depend on may be gone.
    """
    needed: set[Path] = set()
    unfinished: set[Path] = set()
    open_ones = [node for node in wanted if not is_finished(node)]
    while open_ones:
        node = open_ones.pop()
        unfinished.add(node.folder)
        needed.update(node.needs)
        before = [graph.nodes[folder] for folder in node.needs if folder not in unfinished]
        open_ones += [one for one in before if not is_finished(one, for_others=True)]
    return {folder: folder in needed for folder in graph.nodes if folder in unfinished}


class Runs(Protocol):
    """What runs nodes: here, or somewhere else."""

    def look(self, nodes: Iterable[Node]) -> None:
        """See :meth:`Runner.look`."""

    def run(self, node: Node, *, for_others: bool = False, waits: bool = True) -> RunRecord:
        """See :meth:`Runner.run`."""

    def is_stopping(self) -> bool:
        """Whether no further run is to begin."""


class Ready:
    """Runs whose turn it is; one that another process is at comes after the others, and not at once."""

    def __init__(self) -> None:
        self._turns: dict[Path, float] = {}

    def add(self, folder: Path, *, after: float = 0.0) -> None:
        """Add a run, whose turn comes ``after`` so many seconds."""
        self._turns[folder] = monotonic() + after

    def take(self, most: int) -> list[Path]:
        """Take runs, so many at most."""
        now = monotonic()
        folders = [folder for folder, turn in self._turns.items() if turn <= now][:most]
        for folder in folders:
            del self._turns[folder]
        return folders


def run_all(
    graph: RunGraph, wanted: Sequence[Node], runner: Runs, processes: Processes, *, parallel: int
) -> Iterator[tuple[Node, RunRecord]]:
    """Run what is left of the wanted, so many at a time, and yield each that has ended, in whatever order.

    A failure stops those that depend on it, and no others. What another process is at is left to that, and others are
    run meanwhile; its result is taken when it has ended.
    """
    todo = left(graph, wanted)
    runner.look(graph.nodes[folder] for folder in todo)
    sorter: TopologicalSorter[Path] = TopologicalSorter(
        {folder: [need for need in graph.nodes[folder].needs if need in todo] for folder in todo}
    )
    sorter.prepare()
    ended: dict[Path, RunRecord] = {}
    ready, working = Ready(), dict[Future[RunRecord], Path]()
    with ThreadPoolExecutor(parallel) as pool, processes.ended_by_signal():
        while sorter.is_active():
            for folder in sorter.get_ready():
                ready.add(folder)
            for folder in ready.take(parallel - len(working)):
                failed = [
                    graph.nodes[n].name for n in graph.nodes[folder].needs if n in ended and ended[n].status != "done"
                ]
                working[pool.submit(_run, runner, graph.nodes[folder], failed, for_others=todo[folder])] = folder
            for folder, record in _ended(working, ready):
                ended[folder] = record
                yield graph.nodes[folder], record
                sorter.done(folder)


def _ended(working: dict[Future[RunRecord], Path], ready: Ready) -> Iterator[tuple[Path, RunRecord]]:
    """Wait a little, and yield what has ended; what another process is at is made ready again."""
    if not working:
        sleep(LOOKS / 8)
    done, _ = wait(working, timeout=LOOKS, return_when=FIRST_COMPLETED)
    for future in done:
        folder = working.pop(future)
        try:
            yield folder, future.result()
        except BusyError:
            ready.add(folder, after=LOOKS)


def _run(runner: Runs, node: Node, failed: Sequence[str], *, for_others: bool) -> RunRecord:
    if failed:
        return replace(recorded(node.folder), status="not run", error=f"depends on {failed[0]}, which is not there")
    try:
        if runner.is_stopping():
            raise StoppedError
        return runner.run(node, for_others=for_others, waits=False)
    except StoppedError:
        return RunRecord(error="stopped")
