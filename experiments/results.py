"""What a run found: a table for people, beside the paper's figures, and a JSON file for programs."""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from callbacks.run_files import write_json
from datamodules.seams.conditions import AGGREGATES, CLEAN
from datamodules.yaml_file import read_yaml
from experiments.cli.shown_table import show_table
from experiments.runs.layers import TABLES

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

CONDITION_NAMES = {"none": "clean", "occluded": "mean of occluders"}

COLUMNS = ("rank-1", "paper", "accuracy", "paper", "EER", "d′", "IoU", "paper")

CAPTION = (
    "rank-1: one clean image enrolled for each identity. accuracy and EER: verification, one genuine and one "
    "impostor pair for each probe, 10 folds. d′: decidability of all comparisons of probes and gallery, not in %. "
    "paper: its rank-1 on AR, accuracy on LFW-occ and IoU, from other data; to compare in kind."
)


def report(trainer: "Trainer", system: str) -> None:
    """Print the table of the last evaluation and write ``metrics.json`` to the run's folder, in the first process.

    Args:
        trainer: Has just evaluated.
        system: Name of what was trained, as in the published tables.
    """
    folder = trainer.log_dir if trainer.loggers else None  # all processes must ask for it together
    if not trainer.is_global_zero:
        return
    values = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
    metrics = {name: round(value, 6) if math.isfinite(value) else None for name, value in values.items()}
    show_table(results_table(metrics, system))
    if folder:
        write_json(Path(folder) / "metrics.json", {"system": system, "metrics": metrics})
        print(f"Metrics, checkpoints and figures: {folder}")


def results_table(metrics: Mapping[str, float | None], system: str) -> Table:
    """Return a table of conditions by measures, in %, with the paper's figures beside ours, without empty columns.

    Args:
        metrics: ``test/<measure>/<condition>`` in ``[0, 1]``.
        system: Name of what was trained, as in the published tables.
    """
    conditions = _conditions(metrics)
    rows = [_cells(metrics, system, condition) for condition in conditions]
    shown = [index for index in range(len(COLUMNS)) if any(row[index].strip("–") for row in rows)]
    table = Table(
        title=f"{system} on unseen identities, %",
        caption=CAPTION,
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,  # fits 80 columns
    )
    table.add_column("condition")
    for index in shown:
        table.add_column(COLUMNS[index], justify="right")
    for condition, row in zip(conditions, rows, strict=True):
        name = CONDITION_NAMES.get(condition, condition.replace("_", " "))
        table.add_row(name, *(row[index] for index in shown), end_section=condition in {"none"})
    return table


def _cells(metrics: Mapping[str, float | None], system: str, condition: str) -> list[str]:
    rank1, accuracy = f"test/rank1/{condition}", f"test/accuracy/{condition}"
    iou = f"test/iou/{'mean' if condition == 'occluded' else condition}"
    beside = {name: f"{figure:g}" for name, figure in published(system).items()}
    return [
        _shown(metrics.get(rank1)),
        beside.get(rank1, ""),
        _shown(metrics.get(accuracy)),
        beside.get(accuracy, ""),
        _shown(metrics.get(f"test/eer/{condition}")),
        _shown(metrics.get(f"test/gallery_decidability/{condition}"), is_share=False),
        _shown(metrics.get(iou)),
        beside.get(iou, ""),
    ]


@cache
def published(system: str) -> Mapping[str, float]:
    """Return the SOIDN paper's figures of a system of that name, in %, by our names of the measures."""
    paper = read_yaml(TABLES / "soidn.yaml")
    tables = [
        (table["columns"], table["published"].get(key, ()))
        for table in paper["tables"]
        for key, row in paper["rows"].items()
        if row["name"] == system and "published" in table
    ]
    columns = [pair for columns, figures in tables for pair in zip(columns, figures, strict=False)]
    return {name: figure for column, figure in columns if figure is not None for name in column["measures"]}


def _conditions(metrics: Mapping[str, float | None]) -> list[str]:
    ours = [name.split("/") for name in metrics if name.startswith("test/") and name.count("/") == 2]
    conditions = {condition for _, measure, condition in ours if measure in {"rank1", "iou"}}
    occluders = sorted(conditions - {CLEAN, *AGGREGATES})
    return [*([CLEAN] if CLEAN in conditions else []), *occluders, "occluded"]


def _shown(value: float | None, *, is_share: bool = True) -> str:
    return "–" if value is None else f"{100 * value:.1f}" if is_share else f"{value:.2f}"
