"""Callbacks, tried on an example, so that what they log is known without a list of it."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pydoc import locate
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback
from torch import Tensor

from callbacks import OcclusionMapping
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.measures.names import class_path
from lightning_modules.base import FaceModule


@cache
def logged_by(node: str, module: type[FaceModule], conditions: tuple[str, ...] | None) -> frozenset[str] | None:
    """Return what a callback logs, ``None`` where that cannot be known."""
    entry = json.loads(node)
    path = str(class_path(entry))
    if path.startswith(("pytorch_lightning.", "lightning.")):
        return frozenset()
    found = locate(path)
    if not (isinstance(found, type) and issubclass(found, Callback) and path.startswith("callbacks.")):
        return None  # a reader of files that may not be there, or somebody's own
    try:
        callback = found(**((entry.get("init_args") or {}) if isinstance(entry, dict) else {}))
    except (TypeError, ValueError):  # what is wrong is told when it is built
        return None
    if isinstance(callback, OcclusionMapping):
        return frozenset(name for size in callback.occluder_sizes for name in callback.measures(_example_map(size)))
    return None if conditions is None else frozenset(_logged_on_example(callback, module, conditions))


def _logged_on_example(callback: Callback, module: type[FaceModule], conditions: Sequence[str]) -> set[str]:
    listener: Any = _Listener()
    trainer: Any = SimpleNamespace(
        sanity_checking=False, num_sanity_val_steps=0, is_global_zero=True, global_step=0, current_epoch=0, loggers=[]
    )
    batch = _example_batch([CLEAN, *conditions])
    callback.on_train_batch_end(trainer, listener, _triplets(batch), batch, 0)
    for split in ("val", "test"):
        stage = {"val": "validation"}.get(split, split)
        output = {key: _output(key, batch) for key in module.makes.get(split, ())}
        getattr(callback, f"on_{stage}_batch_end")(trainer, listener, output, batch, 0)
        getattr(callback, f"on_{stage}_epoch_end")(trainer, listener)
    names: set[str] = listener.names
    return names


class _Listener:
    """Stands in for a module and keeps the names that are logged."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.loss = SimpleNamespace(margin=0.5)

    def log(self, name: str, value: object, **settings: object) -> None:
        self.names.add(name)

    def log_dict(self, values: Mapping[str, object], **settings: object) -> None:
        self.names |= set(values)


def _example_batch(conditions: Sequence[str]) -> FaceBatch:
    """Return two images of each of four identities under each condition."""
    number = 8 * len(conditions)
    occluders = [name for name in conditions for _ in range(8)]
    covered = torch.tensor([name != CLEAN for name in occluders])
    return {
        "image": torch.zeros(number, 3, 2, 2, dtype=torch.uint8),
        "mask": covered[:, None, None].expand(-1, 2, 2).to(torch.uint8),
        "identity": torch.arange(4).repeat(number // 4),
        "index": torch.arange(8).repeat(len(conditions)),
        "occluder": occluders,
    }


def _output(key: str, batch: FaceBatch) -> Tensor:
    if key == "segmentation":
        return batch["mask"]
    generator = torch.Generator().manual_seed(0)
    return torch.rand(len(batch["occluder"]), *{"deep_response": (4, 2, 2)}.get(key, (4,)), generator=generator)


def _triplets(batch: FaceBatch) -> dict[str, Tensor]:
    embedding = torch.nn.functional.normalize(_output("embedding", batch))
    some = torch.tensor([0.1, 0.2])
    return {"d_ap": some, "d_an": 1 - some, "embedding": embedding, "identity": batch["identity"]}


def _example_map(size: tuple[int, int]) -> OcclusionMap:
    return OcclusionMap(
        np.zeros(size, np.float32), size, np.zeros(3, np.float32), 1, np.arange(1), model="", checkpoint=""
    )
