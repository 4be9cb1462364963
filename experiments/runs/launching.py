"""One system, trained in this process after what it depends on."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from callbacks.run_files import read_json
from experiments.cli import UserError, is_first, join_values, run
from experiments.results import results_table
from experiments.runs.data_choice import choose_data, choose_scale
from experiments.runs.layers import layers
from experiments.runs.rehearsal import rehearsed
from experiments.runs.run_folder import is_agents_trial, name_latest
from experiments.runs.run_graph import Node, RunGraph
from experiments.runs.run_schedule import left
from experiments.runs.runner import Runner
from experiments.runs.setting import Setting, Shared, add_system, shared_overrides

EXPECTED = ("(Experiment logs|Checkpoint) directory .* exists", "Be aware that when using `ckpt_path`")
"""Lightning's warnings where a run is resumed, and where maps are made without a training's callbacks."""


def chosen_setting(options: argparse.Namespace, overrides: Sequence[str], shared: Shared = shared_overrides) -> Setting:
    """Return what a command line chooses, and say what and why.

    Raises:
        UserError: If the data cannot be used.
    """
    scale, why = choose_scale(options.scale, has_data=options.data is not None, has_gpu=torch.cuda.is_available())
    print(f"Scale: {scale} ({why})")
    data = choose_data(options.data, options.alignment, scale)
    return Setting(scale, data, options.weights, tuple(join_values(overrides)), shared)


def planned_system(options: argparse.Namespace, overrides: Sequence[str]) -> tuple[RunGraph, Node]:
    """Return the graph of what a command line asks for, and the system itself.

    Raises:
        UserError: If the data cannot be used, an option is wrong, or weights are missing.
    """
    setting, graph = chosen_setting(options, overrides), RunGraph()
    wanted = add_system(graph, setting, options.system)
    files = ", ".join(f"{path.parent.name}/{path.name}" for path in layers(wanted.spec.config))
    print(f"Configuration: {wanted.spec.config}: {files}")
    return graph, wanted


def train_system(graph: RunGraph, wanted: Node) -> None:
    """Run what is left of a system and what it depends on, and say what is there already.

    Raises:
        UserError: If something goes wrong; mistakes in what comes last show before the first.
    """
    todo = left(graph, [wanted]) or ({wanted.folder: False} if is_agents_trial() else {})
    if any(folder != wanted.folder for folder in todo):
        rehearsed(wanted.spec, todo)
    for node in graph.nodes.values():
        if node.folder not in todo:
            print(f"{node.name}: {node.folder}, run before with the same settings (delete that folder to run it again)")
            continue
        is_last = node is wanted
        again = is_last and is_agents_trial()
        record = Runner(_call_here).run(node, for_others=todo[node.folder], again=again, by_agent=is_last)
        if record.status == "failed":
            raise UserError(record.error)
    if wanted.folder not in todo:
        _show(wanted)
    if is_first() and not wanted.trial:
        print(f"It is also {name_latest(wanted)}")


def _call_here(module: str, args: Sequence[str], log: Path, lock: int) -> None:
    """Run a training in this process, whose terminal has its progress."""
    for message in EXPECTED:
        warnings.filterwarnings("ignore", message=message)
    run(args)


def _show(node: Node) -> None:
    found = read_json(node.folder / "metrics.json")
    if found:
        Console().print(results_table(found["metrics"], found["system"]))
    print(f"Metrics, checkpoints and figures: {node.folder}")
