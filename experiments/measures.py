"""The names of what runs measure, so that a misspelt one shows before anything is trained.

There is no list of them: callbacks, readers and measures are tried on an example, and what they call their results is
what there is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from pydoc import locate
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from jsonargparse import ArgumentError, ArgumentParser
from pytorch_lightning import Callback
from torch import Tensor

from callbacks import OcclusionMapping
from datamodules import FaceDataModule
from datamodules.occluders import OccluderMixture
from datamodules.protocols import EvaluationProtocol, ar_faces, lfw_occ, lfw_pairs
from datamodules.protocols.generated_protocol import generated_protocol
from datamodules.protocols.lfw_occ.frozen_instances import LFW_OCC_CATEGORIES
from datamodules.seams.conditions import CLEAN
from datamodules.seams.face_batch import FaceBatch
from datamodules.seams.occlusion_map_file import OcclusionMap
from experiments.evaluation.protocol_measures import evaluate_protocol
from lightning_modules.base import FaceModule

SPLITS = ("train", "val", "test")
"""What a training's own names begin with; those of an evaluation begin with the protocol's."""
PEOPLE = 10  # that there is a tenth rank
AR_IMAGES = 26  # of each person


class Names(NamedTuple):
    """What a run logs."""

    known: frozenset[str]
    are_all: bool
    """Whether there are no others: a class that is not this suite's may log more."""

    def have(self, name: str) -> bool:
        """Whether a run may log a name."""
        return name in self.known or (not self.are_all and name.partition("/")[0] in SPLITS)


def logged_names(config: Mapping[str, Any]) -> Names:
    """Return the names that a training and its test log.

    Args:
        config: ``model``, ``data`` and ``trainer`` as in a file of ``experiments/configs``.
    """
    module = locate(str(_class_path(config.get("model"))))
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
    if _class_path(data) not in ("datamodules.FaceDataModule", f"{FaceDataModule.__module__}.FaceDataModule"):
        return None
    return _names_of(json.dumps((data.get("init_args") or {}).get("evaluation_occluders"), default=str))


def monitored(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield class and name for each callback that watches a measure, such as ``ModelCheckpoint``."""
    for node in (config.get("trainer") or {}).get("callbacks") or ():
        name = (node.get("init_args") or {}).get("monitor") if isinstance(node, Mapping) else None
        if isinstance(name, str):
            yield str(_class_path(node)).rpartition(".")[2], name


@cache
def protocol_names() -> dict[str, frozenset[str]]:
    """Return, by protocol, the names of what it measures, ``ar/scarf/rank1``."""
    found: dict[str, frozenset[str]] = {}
    for protocol in _example_protocols():
        embeddings = np.random.default_rng(0).normal(size=(len(protocol.source), 4)).astype(np.float32)
        rows = evaluate_protocol(protocol, embeddings).rows()
        names = {f"{protocol.name}/{condition}/{name}" for condition, values in rows.items() for name in values}
        found[protocol.name] = found.get(protocol.name, frozenset()) | names
    return found


def _class_path(node: Any) -> Any:
    return node.get("class_path") if isinstance(node, Mapping) else node


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
    path = str(_class_path(entry))
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
    """Return two images of each of four people under each condition."""
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


def _example_protocols() -> Iterator[EvaluationProtocol]:
    """Yield the protocols of a reproduction, of files that have the right names and nothing in them."""
    yield generated_protocol(2 * PEOPLE, 2, cache_dir=None)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(PEOPLE):
            for image in range(1, AR_IMAGES + 1):
                (root / f"m-{number + 1:03}-{image:02}.bmp").touch()
        yield ar_faces(root)
        for person in "ab":
            (root / person).mkdir()
            for image in (1, 2):
                (root / person / f"{person}_000{image}.jpg").touch()
        pairs = root / "pairs.txt"
        pairs.write_text("2\t1\na\t1\t2\na\t1\tb\t1\nb\t1\t2\na\t2\tb\t2\n")
        yield lfw_pairs(root, pairs)
        yield from (lfw_occ(root, pairs, category) for category in LFW_OCC_CATEGORIES)
