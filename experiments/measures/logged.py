"""The names that a training and its test log: callbacks are tried on an example, so that there is no list of them."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pydoc import locate
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from jsonargparse import ArgumentError, ArgumentParser
from pytorch_lightning import Callback
from torch import Tensor

from callbacks import OcclusionMapping
from datamodules import FaceDataModule
from datamodules.occluders import OccluderMixture
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.measures.names import Names, class_path
from lightning_modules.base import FaceModule


def logged_names(config: Mapping[str, Any]) -> Names:
    """Return the names that a training and its test log.

    Args:
        config: ``model``, ``data`` and ``trainer`` as in a file of ``experiments/configs``.
    """
    module = locate(str(class_path(config.get("model"))))
    if not (isinstance(module, type) and issubclass(module, FaceModule)) or module.logged is None:
        return Names(frozenset(), are_all=False)
    names = {f"{split}/{name}" for split, logged in module.logged.items() for name in logged}
    conditions, are_all = evaluated_conditions(config.get("data")), "logged" in vars(module)
    for node in (config.get("trainer") or {}).get("callbacks") or ():
        key = json.dumps(node, default=str, sort_keys=True)
        logged = _logged_by(key, module, conditions)  # type: ignore[arg-type]  # a class is hashable
        names |= logged or frozenset()
        are_all &= logged is not None
    return Names(frozenset(names), are_all)


def evaluated_conditions(data: Any) -> tuple[str, ...] | None:
    """Return the occluders of a test, in their order, ``None`` where a configuration does not say."""
    if class_path(data) not in ("datamodules.FaceDataModule", f"{FaceDataModule.__module__}.FaceDataModule"):
        return None
    return _names_of(json.dumps((data.get("init_args") or {}).get("evaluation_occluders"), default=str))


@cache
def _names_of(occluders: str) -> tuple[str, ...] | None:
    node = json.loads(occluders)
    if node is None:
        return ()
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--occluders", type=OccluderMixture)
    try:
        built: OccluderMixture = parser.instantiate(parser.parse_object({"occluders": node})).occluders
    except (ArgumentError, ValueError, OSError):  # what is wrong is told when it is built
        return None
    return built.names


@cache
def _logged_by(node: str, module: type[FaceModule], conditions: tuple[str, ...] | None) -> frozenset[str] | None:
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
    embedding, some = torch.nn.functional.normalize(_output("embedding", batch)), torch.tensor([0.1, 0.2])
    triplets = {"d_ap": some, "d_an": 1 - some, "embedding": embedding, "identity": batch["identity"]}
    callback.on_train_batch_end(trainer, listener, triplets, batch, 0)
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


def _example_map(size: tuple[int, int]) -> OcclusionMap:
    return OcclusionMap(
        np.zeros(size, np.float32), size, np.zeros(3, np.float32), 1, np.arange(1), model="", checkpoint=""
    )
