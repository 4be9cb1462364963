"""Where a run keeps its files, and its loggers' share of them."""

from pathlib import Path

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
