"""Where a run keeps its files, how they are written and read, and its loggers' share of them."""

import json
import os
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger


def run_folder(trainer: Trainer, name: str) -> Path | None:
    """Return a folder of the run by its name, ``None`` for a run without one; all processes must ask together."""
    return Path(trainer.log_dir) / name if trainer.loggers and trainer.log_dir else None


def log_picture(trainer: Trainer, name: str, path: Path) -> None:
    """Give a picture to W&B, where that logs."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [str(path)])


def write_json(path: Path, content: object) -> None:
    """Write ``content`` so that ``path`` is either whole or as it was before.

    Raises:
        ValueError: If it holds NaN or infinity, which JSON has not.
        OSError: If it cannot be written.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write ``text``, in UTF-8, so that ``path`` is either whole or as it was before: also where power or disk fail.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Return a file's content, ``None`` where there is no file or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
