"""Classifiers whose classes are shared out over processes, or sampled in each step (Partial FC)."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from lightning_modules.networks.class_parallel.class_shard import ClassShard
    from lightning_modules.networks.class_parallel.parallel_softmax import Classified, ParallelSoftmax

__all__ = [
    "ClassShard",
    "Classified",
    "ParallelSoftmax",
]

export_lazily(__name__)
