"""What a run found: a table for people, beside the paper's figures, and a JSON file for programs."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from callbacks.run_files import write_json
from datamodules.seams.conditions import AGGREGATES, CLEAN

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

CONDITION_NAMES = {"none": "clean", "occluded": "mean of occluders"}

COLUMNS = ("rank-1", "paper", "accuracy", "paper", "EER", "d′", "IoU", "paper")

CAPTION = (
    "rank-1: one clean image enrolled for each identity. accuracy and EER: verification, one genuine and one "
    "impostor pair for each probe, 10 folds. d′: decidability of all comparisons of probes and gallery, not in %. "
    "paper: its rank-1 on AR, accuracy on LFW-occ and IoU, from other data; to compare in kind."
)

PUBLISHED_RANK1 = {
    "Trunk": {"sunglasses": 65, "scarf": 95},
    "Baseline": {"sunglasses": 84, "scarf": 97},
    "SOIDN": {"sunglasses": 92, "scarf": 98},
}
"""AR, single sample per subject, % (SOIDN paper, Table 1)."""

PUBLISHED_ACCURACY = {
    "Baseline": {"sunglasses": 88.73, "party_mask": 86.37, "scarf": 88.82, "doctor_mask": 88.82, "cup": 89.30},
    "SOIDN": {"sunglasses": 89.35, "party_mask": 89.50, "scarf": 89.50, "doctor_mask": 89.37, "cup": 89.90},
}
"""LFW-occ, 10 folds, % (SOIDN paper, Table 3)."""

PUBLISHED_IOU = {"SOIDN": 89.5, "OS network": 98.0}
"""Mean IoU on synthetically occluded faces, % (SOIDN paper, section 4.4)."""


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
    Console().print(results_table(metrics, system))
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
    iou = "mean" if condition == "occluded" else condition
    return [
        _percent(metrics.get(f"test/rank1/{condition}")),
        _published(PUBLISHED_RANK1.get(system, {}), condition),
        _percent(metrics.get(f"test/accuracy/{condition}")),
        _published(PUBLISHED_ACCURACY.get(system, {}), condition),
        _percent(metrics.get(f"test/eer/{condition}")),
        _plain(metrics.get(f"test/gallery_decidability/{condition}")),
        _percent(metrics.get(f"test/iou/{iou}")),
        _published(PUBLISHED_IOU if condition == "occluded" else {}, system),
    ]


def _conditions(metrics: Mapping[str, float | None]) -> list[str]:
    ours = [name.split("/") for name in metrics if name.startswith("test/") and name.count("/") == 2]
    conditions = {condition for _, measure, condition in ours if measure in {"rank1", "iou"}}
    occluders = sorted(conditions - {CLEAN, *AGGREGATES})
    return [*([CLEAN] if CLEAN in conditions else []), *occluders, "occluded"]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _published(figures: Mapping[str, float], key: str) -> str:
    return f"{figures[key]:g}" if key in figures else ""
