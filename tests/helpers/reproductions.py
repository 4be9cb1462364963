"""A small reproduction and runs of it, made up."""

from typing import Any

from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_parts import Column, Comparison, Curves, Figure, PaperRow, Table
from experiments.reproduction.row_run import RowRun

SCARF = Column("scarf", ["ar/scarf/rank1", "test/rank1/scarf"])
IOU = Column("mean IoU", ["test/iou/mean"], digits=2)


def small_paper() -> Paper:
    """Return two systems and a third that nobody has run, with one of each part."""
    return Paper(
        title="A paper on scarves",
        source="https://example.org/paper",
        rows={
            "baseline": PaperRow("Baseline", "baseline"),
            "soidn": PaperRow("SOIDN", "soidn", {"model.segmentation_weight": 0.5}, longer=1.5),
            "later": PaperRow("Later", "soidn"),
        },
        tables=[Table("Table 1", ["baseline", "soidn", "later"], [SCARF, IOU], {"soidn": [92.5, None]}, "AR")],
        comparisons=[Comparison("At equal epochs", [("soidn", "baseline")], [SCARF, IOU])],
        figures=[Figure("Figure 8", ["soidn", "baseline"], "figures/s*.png")],
        curves=[Curves("Accuracy", ["baseline", "soidn"], "val/accuracy")],
    )


def done(row: str, seed: int, scarf: float, *, iou: float | None = None, seconds: float = 60.0) -> RowRun:
    """Return a finished run of two epochs."""
    measures = {"test/rank1/scarf": scarf} | ({} if iou is None else {"test/iou/mean": iou})
    history = [{"epoch": e, "seconds": e * seconds / 2, "val/accuracy": scarf * e / 2} for e in (1.0, 2.0)]
    told = {"commit": "abc1234", "hardware": "2 cores", "versions": "torch 2"}
    return run_of(row, seed, "done", measures=measures, history=history, seconds=seconds, **told)


def run_of(row: str, seed: int = 0, status: Any = "not run", **more: Any) -> RowRun:
    """Return a run of a row."""
    settings = {"folder": f"runs/{row}/{seed}", "command": f"train {row} {seed}", **more}
    return RowRun(row=row, seed=seed, status=status, **settings)


def three_seeds() -> list[RowRun]:
    """Return three seeds of Baseline and two of SOIDN, whose third failed; ``later`` waits.

    Differences of seeds 0 and 1: 0.2 and 0.1.
    """
    return [
        *(done("baseline", seed, scarf) for seed, scarf in enumerate((0.1, 0.2, 0.3))),
        *(done("soidn", seed, scarf, iou=0.8, seconds=90.0) for seed, scarf in enumerate((0.3, 0.3))),
        run_of("soidn", 2, "failed", error="ValueError: <script>alert(1)</script>"),
        *(run_of("later", seed) for seed in range(3)),
    ]
