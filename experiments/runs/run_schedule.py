"""Which runs are left, and in what order; several at a time where there is room."""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path

from experiments.runs.process import Processes, StoppedError
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.run_record import RunRecord, recorded
from experiments.runs.runner import Runner, is_finished


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


def run_all(
    graph: RunGraph, wanted: Sequence[Node], runner: Runner, processes: Processes, *, parallel: int
) -> Iterator[tuple[Node, RunRecord]]:
    """Run what is left of the wanted, so many at a time, and yield each that has ended, in whatever order.

    A failure stops those that depend on it, and no others.
    """
    todo = left(graph, wanted)
    ended: dict[Path, RunRecord] = {}
    sorter: TopologicalSorter[Path] = TopologicalSorter(
        {folder: [need for need in graph.nodes[folder].needs if need in todo] for folder in todo}
    )
    sorter.prepare()
    with ThreadPoolExecutor(parallel) as pool, processes.ended_by_signal():
        working: dict[Future[RunRecord], Path] = {}
        while sorter.is_active():
            for folder in sorter.get_ready():
                node = graph.nodes[folder]
                failed = [graph.nodes[n].name for n in node.needs if n in ended and ended[n].status != "done"]
                working[pool.submit(_run, runner, node, failed, for_others=todo[folder])] = folder
            done, _ = wait(working, return_when=FIRST_COMPLETED)
            for future in done:
                folder = working.pop(future)
                ended[folder] = future.result()
                yield graph.nodes[folder], ended[folder]
                sorter.done(folder)


def _run(runner: Runner, node: Node, failed: Sequence[str], *, for_others: bool) -> RunRecord:
    if failed:
        return replace(recorded(node.folder), status="not run", error=f"depends on {failed[0]}, which is not there")
    try:
        if runner.is_stopping():
            raise StoppedError
        return runner.run(node, for_others=for_others)
    except StoppedError:
        return RunRecord(error="stopped")
