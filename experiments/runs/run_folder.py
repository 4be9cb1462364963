"""How a run comes to be in its folder: loggers that write there, and its history."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import yaml

from datamodules.whole_file import write_whole
from experiments.runs.digests import digest
from experiments.runs.layers import CSV, WANDB
from experiments.runs.run_graph import Node
from experiments.runs.spec import class_name, instance, words_of

LATEST = "latest"
HISTORY = "callbacks.History"


def words_in_folder(node: Node, *, by_agent: bool = False) -> list[str]:
    """Return the options that put a run into its folder and keep its history; its other loggers stay.

    Where an agent of W&B has asked for it, ``by_agent`` tells the trial itself from what it depends on.
    """
    csv = instance(CSV, save_dir=str(node.folder.parent), name=node.folder.name, version="")
    given = node.config["trainer"].get("logger")
    others = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    not_here = (CSV, WANDB) if is_agents_trial() and not by_agent else (CSV,)  # W&B's run is the trial's own
    others = [_placed(one, node.folder) for one in others if one["class_path"] not in not_here]
    changes: dict[str, Any] = {"trainer.logger": [csv, *others]}
    if not any(class_name(one) == "History" for one in node.config["trainer"].get("callbacks") or []):
        changes["trainer.callbacks+"] = HISTORY
    return words_of(changes)


def forget_folder(node: Node) -> None:
    """Let the saved configuration name the loggers that were asked for: run again by hand, it gets another folder."""
    path = node.folder / "config.yaml"
    if path.exists():
        saved = yaml.safe_load(path.read_text(encoding="utf-8"))
        saved["trainer"]["logger"] = json.loads(json.dumps(node.config["trainer"].get("logger"), default=str))
        write_whole(path, yaml.safe_dump(saved, sort_keys=False, allow_unicode=True))


def name_latest(node: Node) -> Path:
    """Give a run a name that one can type, ``runs/soidn/latest``, and return it; where there are no links, its own."""
    link = node.folder.with_name(LATEST)
    try:
        new = link.with_name(f".{LATEST}-{os.getpid()}")
        new.symlink_to(node.folder.name)
        new.replace(link)
    except OSError:
        return node.folder
    return link


def is_agents_trial() -> bool:
    """Whether an agent of W&B has started this process, for one trial of its sweep."""
    return "WANDB_SWEEP_ID" in os.environ


def _placed(logger: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a logger that writes into a folder; W&B's resumes the run that it had begun there."""
    settings = {key: value for key, value in (logger.get("init_args") or {}).items() if value is not None}
    if logger["class_path"] == WANDB:
        settings |= {"save_dir": str(folder)}
        if not is_agents_trial():
            here = digest(platform.node(), str(folder.absolute()))
            settings |= {"name": f"{folder.parent.name}-{folder.name}", "id": here}
    return {**logger, "init_args": settings}
