"""The names of what runs measure, so that a misspelt one shows before anything is trained.

There is no list of them: callbacks, readers and measures are tried on an example, and what they call their results is
what there is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pydoc import locate
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from jsonargparse import ArgumentError, ArgumentParser
from pytorch_lightning import Callback

from callbacks import OcclusionMapping
from datamodules import FaceDataModule
from datamodules.occluders import OccluderMixture
from datamodules.seams.conditions import CLEAN
from experiments.evaluation.protocol_measures import evaluate_protocol
from experiments.measured_examples import (
    Listener,
    example_batch,
    example_map,
    example_protocols,
    output,
    triplets,
)
from lightning_modules.base import FaceModule

SPLITS = ("train", "val", "test")
"""What a training's own names begin with; those of an evaluation begin with the protocol's."""


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
    for protocol in example_protocols():
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
        return frozenset(name for size in callback.occluder_sizes for name in callback.measures(example_map(size)))
    return None if conditions is None else frozenset(_logged_on_example(callback, module, conditions))


def _logged_on_example(callback: Callback, module: type[FaceModule], conditions: Sequence[str]) -> set[str]:
    listener: Any = Listener()
    trainer: Any = SimpleNamespace(
        sanity_checking=False, num_sanity_val_steps=0, is_global_zero=True, global_step=0, current_epoch=0, loggers=[]
    )
    batch = example_batch([CLEAN, *conditions])
    callback.on_train_batch_end(trainer, listener, triplets(batch), batch, 0)
    for split in ("val", "test"):
        stage = {"val": "validation"}.get(split, split)
        output = {key: output(key, batch) for key in module.makes.get(split, ())}
        getattr(callback, f"on_{stage}_batch_end")(trainer, listener, output, batch, 0)
        getattr(callback, f"on_{stage}_epoch_end")(trainer, listener)
    names: set[str] = listener.names
    return names
