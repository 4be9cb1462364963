"""What makes a run the same run: a digest of all that its result depends on, and of nothing else."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.runs.digests import contents_of, digest
from experiments.runs.resolution import Config
from experiments.runs.spec import class_name

RUNS = Path("runs")
"""Where all runs are kept, whoever has asked for them: each in ``<configuration's system>/<digest>``."""
NAMED_BY_DIGEST = re.compile(r"[^/]+/[0-9a-f]{12}(/.*)?")
SHOWN = ("system", "evaluate")
"""A name in tables, and whether the evaluation follows at once: one that is missing is made up for."""
OF_THE_TRAINER = ("logger", "default_root_dir", "enable_progress_bar", "enable_model_summary")
"""Where a run tells what it does."""
KEPT_OUT = ("cache_dir", "save_dir", "num_workers")
"""Where something is kept, and by how many processes it is loaded: neither changes a pixel."""
ONLY_SHOW = ("History", "RichProgressBar", "TQDMProgressBar", "RichModelSummary", "ModelSummary", "LearningRateMonitor")
"""Callbacks that draw or record what every run has; one that records more is asked for by what it leaves."""


def run_digest(config: Config, *parts: str) -> str:
    """Return twelve digits that stand for a run.

    Two configurations are the same run if they say the same: however their files are layered, and whether a default is
    spelt out. A file or folder that data, model or callbacks name counts by what it holds; one that another run has
    left by its path, which has that run's digest in it.
    """
    kept = {key: value for key, value in config.items() if key not in (*SHOWN, "trainer")}
    kept["trainer"] = _trainer(config.get("trainer") or {})
    data = (kept.get("data") or {}).get("init_args") or {}
    if data.get("training_occluder") is None:
        data = {key: value for key, value in data.items() if key != "occlude_validation"}
        kept["data"] = {**(kept.get("data") or {}), "init_args": data}
    return digest(json.dumps(_canonical(kept, settings=True), default=str), *parts)


def is_of_a_run(path: str) -> bool:
    """Whether a path is below the folder of a run whose name is its digest."""
    below, place = Path(path).resolve(), RUNS.resolve()
    return below.is_relative_to(place) and NAMED_BY_DIGEST.fullmatch(str(below.relative_to(place))) is not None


def _trainer(trainer: Mapping[str, Any]) -> dict[str, Any]:
    given = trainer.get("callbacks") or []
    callbacks = [one for one in (given if isinstance(given, list) else [given]) if class_name(one) not in ONLY_SHOW]
    for number, one in enumerate(callbacks):
        settings = one.get("init_args") if isinstance(one, dict) else None
        if settings and "map_file" in settings:  # the name of the map that it replaces is not what it is made of
            callbacks[number] = {**one, "init_args": {**settings, "map_file": ""}}
    return {key: value for key, value in trainer.items() if key not in OF_THE_TRAINER} | {"callbacks": callbacks}


def _canonical(node: Any, *, settings: bool = False) -> Any:
    """Return a configuration in one spelling: arguments by name; other mappings as they are, as order may count."""
    if isinstance(node, Path):
        node = str(node)
    if isinstance(node, str):
        return _told_apart(node)
    if isinstance(node, list | tuple):
        return [_canonical(child) for child in node]
    if not isinstance(node, Mapping):
        return node
    pairs = [(key, value) for key, value in node.items() if key not in KEPT_OUT]
    of_class = "class_path" in node
    made = [(key, _canonical(value, settings=of_class and key == "init_args")) for key, value in pairs]
    return sorted(made) if settings or of_class else made


def _told_apart(text: str) -> str:
    try:
        exists = bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long, or with a null byte
        return text
    if is_of_a_run(text):
        return str(Path(text).resolve().relative_to(RUNS.resolve()))
    return f"holds {contents_of(text)}" if exists else text
