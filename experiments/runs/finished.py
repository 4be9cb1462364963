"""Whether a run is done, and whether what others start from is still there."""

from collections.abc import Iterable
from pathlib import Path

from datamodules.errors import DataError
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.runs.run_graph import MAPS, Node
from experiments.runs.run_record import Trace, recorded, traced, weights_of


def is_finished(node: Node, *, for_others: bool = False) -> bool:
    """Whether nothing is left to do; ``for_others`` that start from it, its weights or maps must be as it left them."""
    record = recorded(node.folder)
    done = record.status == "done" and (record.evaluated or not node.evaluates)
    return done and all(one.recalled() is not None for one in node.evaluations) and not (for_others and lost(node))


def lost(node: Node) -> str:
    """Return what is wrong with what a finished run has left for others, empty where nothing is."""
    if node.trains:
        found = weights_of(node.checkpoint)
        expected = recorded(node.folder).weights
        return "" if found and found == expected else f"{node.checkpoint}: expected the weights that it was trained to"
    try:
        maps = [OcclusionMap.load(path) for path in sorted((node.folder / MAPS).glob("*.npz"))]
    except DataError as error:
        return str(error)
    return "" if maps else f"{node.folder / MAPS}: expected maps, found none"


class Looked:
    """What records runs had when this process looked: a failure of later is another process's result."""

    def __init__(self) -> None:
        self._known: dict[Path, Trace] = {}

    def look(self, nodes: Iterable[Node]) -> None:
        """Look at what has become of nodes."""
        self._known.update((node.folder, traced(node.folder)) for node in nodes)

    def failed_since(self, node: Node) -> bool:
        """Whether a node has failed since it was looked at."""
        now = traced(node.folder)
        return recorded(node.folder).status == "failed" and self._known.get(node.folder, now) != now
