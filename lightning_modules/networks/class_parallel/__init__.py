"""Classifiers whose classes are shared out over processes, or sampled in each step (Partial FC)."""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from lightning_modules.networks.class_parallel.class_shard import ClassShard
    from lightning_modules.networks.class_parallel.lent_weights import Lent, clip_by_norm, lend, take_back
    from lightning_modules.networks.class_parallel.parallel_softmax import Classified, ParallelSoftmax, check_classes
    from lightning_modules.networks.class_parallel.shard_files import (
        damaged_shards,
        forget_shards,
        put_together,
        taken_apart,
        write_shards,
    )
    from lightning_modules.networks.class_parallel.shared_out import share_out

__all__ = [
    "ClassShard",
    "Classified",
    "Lent",
    "ParallelSoftmax",
    "check_classes",
    "clip_by_norm",
    "damaged_shards",
    "forget_shards",
    "lend",
    "put_together",
    "share_out",
    "take_back",
    "taken_apart",
    "write_shards",
]

export_lazily(__name__)
