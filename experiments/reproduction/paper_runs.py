"""From a paper's file to runs of the graph: each row with each seed, and the protocols that it is evaluated by."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.protocols import ar_faces, lfw_pairs
from experiments.cli.user_errors import UserError
from experiments.evaluation.named_protocols import pairs_beside
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import NOT_EVALUATED, OF_THE_SYSTEM, PaperRow
from experiments.reproduction.row_run import PlannedRow
from experiments.runs.digests import contents_of, digest
from experiments.runs.resolution import references, substituted
from experiments.runs.run_graph import SELF, Node, RunGraph
from experiments.runs.run_record import Evaluation
from experiments.runs.setting import Setting, Start, add_training, first_stage

SEED_OF_FACES = "data.init_args.source.init_args.seed"


class Protocol(NamedTuple):
    """A protocol of ``experiments.evaluate`` on certain files."""

    name: str
    """As in measures, ``ar`` in ``ar/scarf/rank1``."""
    options: tuple[str, ...]
    """Of ``experiments.evaluate``."""
    files: str = ""
    """Digest of what is read: other files are another protocol."""

    @property
    def folder(self) -> str:
        """Name of the folder of its results, in that of a run's evaluations."""
        return f"{self.name}-{digest(*self.options[:1], self.files)}"


GENERATED = Protocol("generated", ("--protocol=generated",))
"""Where no other is there, for the figures of rows that ask for it."""


COVERED_SEED = 10_000
"""Of the faces of ``covered`` for seed 0, far from those of training."""
RANDOM_VIEWS = 40
"""Of a face, the control of matched comparison: about as many embeddings a probe as its 20 candidates cost."""


def covered(matched: str, masks: Node, seed: int) -> Protocol:
    """Return the protocol of a row whose faces are compared in several ways, by the masks of another, ``matched``."""
    options = "--protocol=covered", f"--faces-seed={COVERED_SEED + seed}", "--views", "mirror"
    ways = f"--matched={masks.checkpoint}", f"--random-views={RANDOM_VIEWS}"
    return Protocol("covered", (*options, *ways), digest(matched, f"{RANDOM_VIEWS} views"))


def real_protocols(lfw: str | None, ar: str | None) -> Iterator[Protocol]:
    """Yield the protocols of the sets that are there, after a look whether they can be read.

    LFW's folder has a list of pairs in or beside it.

    Raises:
        DataError: If one cannot be used.
        UserError: If there is no list of LFW's pairs.
    """
    if lfw:
        pairs: Path = pairs_beside(lfw)
        lfw_pairs(lfw, pairs)
        files = digest(contents_of(lfw), contents_of(pairs))
        for name in ("lfw", "lfw_occ"):
            yield Protocol(name, (f"--protocol={name}", f"--root={lfw}", f"--pairs={pairs}"), files)
    if ar:
        ar_faces(ar)
        yield Protocol("ar", ("--protocol=ar", f"--ar={ar}"), contents_of(ar))


def add_paper(
    graph: RunGraph,
    paper: Paper,
    setting: Setting,
    protocols: Sequence[Protocol],
    seeds: Iterable[int],
    wanted: Collection[str],
) -> list[PlannedRow]:
    """Add all rows to the graph, seed by seed, each after what it depends on.

    A row that is not wanted, and that the user's options do not fit, is left out. There are no protocols for generated
    faces. Seeds are of training, split and occluders, and of generated identities, which are others with every seed.

    Raises:
        UserError: If the configuration of a wanted row is wrong.
    """
    return [row for seed in seeds for row in _rows_of_seed(graph, paper, setting, protocols, seed, wanted)]


def _rows_of_seed(
    graph: RunGraph, paper: Paper, setting: Setting, protocols: Sequence[Protocol], seed: int, wanted: Collection[str]
) -> Iterator[PlannedRow]:
    planned: dict[str, PlannedRow] = {}
    there: dict[str, Node] = {}
    for key in paper.with_dependencies(paper.rows, setting.scale):
        row = paper.resolved(key, setting.scale, weights=setting.weights)
        if not all(other in there for other in paper.depends_on(key, setting.scale)):
            continue  # a row that is left out
        try:
            node = _add_row(graph, setting, row, there, key, seed)
        except UserError as error:
            if key in wanted:
                raise UserError(f"row {key}: {error}") from error
            continue
        used = () if row.system == NOT_EVALUATED else protocols or ([GENERATED] if row.evaluated else ())
        evaluations = tuple(_evaluation(one, node) for one in used)
        node = graph.add(replace(node, evaluations=evaluations))
        maps = {name: graph.maps(node.name, node.spec, made, of=node) for name, made in row.maps.items()}
        there |= {key: node, **{f"{key}_{name}": made for name, made in maps.items()}}
        planned[key] = PlannedRow(key, seed, node, maps, evaluations)
    for key, one in planned.items():
        planned[key] = _with_covered(graph, paper, planned, key) if paper.rows[key].matched else one
    for one in planned.values():
        yield one._replace(node=graph.nodes[one.node.folder])


def _with_covered(graph: RunGraph, paper: Paper, planned: Mapping[str, PlannedRow], key: str) -> PlannedRow:
    """Let a row be evaluated by masks when both it and what makes them are trained: by whichever run is later."""
    row, matched = planned[key], paper.rows[key].matched
    masks = row if matched == SELF else planned.get(matched)
    if masks is None:
        return row  # whose masks are of a row that is left out
    made = _evaluation(covered(matched, masks.node, row.seed), row.node)
    order = list(planned)  # every row after what it depends on
    early, late = sorted((row, masks), key=lambda one: order.index(one.row))
    needs = () if early is late else (early.node.folder,)
    graph.add(replace(late.node, needs=needs, evaluations=(made,)))
    return row._replace(evaluations=(*row.evaluations, made))


def _evaluation(protocol: Protocol, node: Node) -> Evaluation:
    folder = node.folder / "evaluation" / protocol.folder
    return Evaluation(protocol.name, folder, node.checkpoint, protocol.options)


def _add_row(graph: RunGraph, setting: Setting, row: PaperRow, there: Mapping[str, Node], key: str, seed: int) -> Node:
    seeds: dict[str, Any] = {"seed_everything": seed}
    if not setting.data.changes and setting.scale == "demo":
        seeds[SEED_OF_FACES] = seed
    spec = setting.spec(row.system, {**seeds, **_filled(row.changes, there)}, times=float(row.longer))
    start: Start = row.starts_from
    if start == OF_THE_SYSTEM:
        start = first_stage(graph, setting, row.system, spec)
    elif isinstance(start, str):
        start = there.get(start, start)
    needs = [there[other] for other in references([row.changes, row.copies]) if other in there]
    copies = _filled(row.copies, there)
    name = f"{key}, seed {seed}"
    return add_training(graph, setting, row.system, spec, start, name=name, needs=needs, copies=copies)


def _filled(node: Any, there: Mapping[str, Node]) -> Any:
    """Put the folders of runs in the place of their names."""
    return substituted(node, {name: str(run.folder) for name, run in there.items()})
