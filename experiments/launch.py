"""Choose configuration, scale and stages for one of the systems, and train it.

    python -m experiments.launch soidn [--data FOLDER] [--scale demo|paper] [--weights FILE]
                                       [--alignment arcface|lfw] [--key=value …]

This is what ``make train-soidn DATA=… SCALE=… ARGS="…"`` calls. Everything it decides is a configuration of
``experiments.train`` and is printed; further options override that configuration's keys. A run is kept in
``runs/<system>/<digest>`` and found there again, by this command, by sweeps and by reproductions; one that was cut off
is resumed.
"""

import argparse
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from callbacks.run_files import read_json
from experiments import cli
from experiments.cli.arguments import Parser
from experiments.cli.first_process import is_first
from experiments.cli.shown_table import show_table
from experiments.cli.user_errors import UserError, main
from experiments.options import add_data_options, chosen_setting
from experiments.results import results_table
from experiments.runs.layers import SYSTEMS, layers
from experiments.runs.lease_keeper import use
from experiments.runs.rehearsal import rehearsed
from experiments.runs.run_folder import is_agents_trial, name_latest
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.run_schedule import left
from experiments.runs.runner import Runner
from experiments.runs.setting import add_system

EXPECTED = ("(Experiment logs|Checkpoint) directory .* exists", "Be aware that when using `ckpt_path`")
"""Lightning's warnings where a run is resumed, and where maps are made without a training's callbacks."""


def launch(args: Sequence[str]) -> None:
    """Train one system, after what it depends on; what is there already is not run again.

    Raises:
        UserError: If the data cannot be used, an option is wrong, or weights are missing.
    """
    graph, wanted = planned(args)
    todo = left(graph, [wanted]) or ({wanted.folder: False} if is_agents_trial() else {})
    if any(folder != wanted.folder for folder in todo):
        rehearsed(wanted.spec, todo)
    for node in graph.nodes.values():
        if node.folder not in todo:
            print(f"{node.name}: {node.folder}, run before with the same settings (delete that folder to run it again)")
            continue
        is_last = node is wanted
        record = Runner(call_here).run(
            node, for_others=todo[node.folder], again=is_last and is_agents_trial(), by_agent=is_last
        )
        if record.status == "failed":
            raise UserError(record.error)
    if wanted.folder not in todo:
        show(wanted)
    if is_first() and not wanted.trial:
        print(f"It is also {name_latest(wanted)}")


def planned(args: Sequence[str]) -> tuple[RunGraph, Node]:
    """Return the graph of what a command line asks for, and the system itself."""
    options, overrides = parse(args)
    setting, graph = chosen_setting(options, overrides), RunGraph()
    wanted = add_system(graph, setting, options.system)
    files = ", ".join(f"{path.parent.name}/{path.name}" for path in layers(wanted.spec.config))
    print(f"Configuration: {wanted.spec.config}: {files}")
    return graph, wanted


def parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and the configuration's."""
    parser = Parser(prog="python -m experiments.launch", description=__doc__)
    parser.add_argument("system", choices=list(SYSTEMS))
    add_data_options(parser)
    return parser.parse_known_args(args)


def call_here(module: str, args: Sequence[str], log: Path, lease: int) -> None:
    """Run a training in this process, whose terminal has its progress."""
    use(lease, os.getpid())
    for message in EXPECTED:
        warnings.filterwarnings("ignore", message=message)
    cli.run(args)


def show(node: Node) -> None:
    """Print the table of a run that is there."""
    found = read_json(node.folder / "metrics.json")
    if found:
        show_table(results_table(found["metrics"], found["system"]))
    print(f"Metrics, checkpoints and figures: {node.folder}")


if __name__ == "__main__":
    main(launch)
