"""From a paper's file to runs of the graph: each row with each seed."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments.cli.user_errors import UserError
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import OF_THE_SYSTEM, PaperRow
from experiments.reproduction.real_protocols import GENERATED, Protocol
from experiments.reproduction.references import references, substituted
from experiments.reproduction.row_measures import NOT_EVALUATED
from experiments.reproduction.row_run import PlannedRow
from experiments.runs.protocol_results import Evaluation
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.setting import Setting, Start, add_training, first_stage

SEED_OF_FACES = "data.init_args.source.init_args.seed"


def add_paper(
    graph: RunGraph,
    paper: Paper,
    setting: Setting,
    protocols: Sequence[Protocol],
    seeds: Iterable[int],
    wanted: Collection[str],
) -> list[PlannedRow]:
    """Add all rows to the graph, seed by seed, each after what it depends on.

    A row that is not wanted, and that the user's options do not fit, is left out.

    Args:
        graph: The graph.
        paper: The rows.
        setting: What is common to all.
        protocols: Of real sets; none for generated faces.
        seeds: Of training, split and occluders, and of generated identities, which are others with every seed.
        wanted: Keys of the rows that are asked for.

    Raises:
        UserError: If the configuration of a wanted row is wrong.
    """
    return [row for seed in seeds for row in _rows_of_seed(graph, paper, setting, protocols, seed, wanted)]


def _rows_of_seed(
    graph: RunGraph, paper: Paper, setting: Setting, protocols: Sequence[Protocol], seed: int, wanted: Collection[str]
) -> Iterator[PlannedRow]:
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
        node = graph.add(replace(node, evaluations=_evaluations(row, node, protocols)))
        maps = {name: graph.maps(node.name, node.spec, made, of=node) for name, made in row.maps.items()}
        there |= {key: node, **{f"{key}_{name}": made for name, made in maps.items()}}
        yield PlannedRow(key, seed, node, maps)


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


def _evaluations(row: PaperRow, node: Node, protocols: Sequence[Protocol]) -> tuple[Evaluation, ...]:
    if row.system == NOT_EVALUATED:
        return ()
    used = protocols or ([GENERATED] if row.evaluated else [])
    return tuple(
        Evaluation(one.name, node.folder / "evaluation" / one.folder, node.checkpoint, one.options) for one in used
    )
