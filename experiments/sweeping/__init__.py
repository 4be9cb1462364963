"""Sweeps: trials as runs of the graph, chosen by Optuna here or by the server of Weights & Biases."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.sweeping.whole_sweep import run_sweep

__all__ = ["run_sweep"]

export_lazily(__name__)
