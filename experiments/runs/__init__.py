"""The graph of runs: what is to be run, what it depends on, what is there already, and how the rest is run."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.runs.launching import planned_system, train_system
    from experiments.runs.rehearsal import rehearsed
    from experiments.runs.systems import systems

__all__ = ["planned_system", "rehearsed", "systems", "train_system"]

export_lazily(__name__)
