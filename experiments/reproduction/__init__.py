"""Reproductions: papers' rows as runs of the graph, and the report that is made of them."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.reproduction.reproducing import reproduce_papers

__all__ = ["reproduce_papers"]

export_lazily(__name__)
