"""The names that a training and its test log."""

import json
from collections.abc import Mapping
from functools import cache
from pydoc import locate
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from datamodules import FaceDataModule
from datamodules.occluders import OccluderMixture
from experiments.measures.example_run import logged_by
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
        logged = logged_by(key, module, conditions)  # type: ignore[arg-type]  # a class is hashable
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
