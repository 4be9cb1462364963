"""Where a run keeps its files, and its loggers' share of them."""

from pathlib import Path
from typing import TYPE_CHECKING

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger

from datamodules.whole_file import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_folder(trainer: Trainer, name: str) -> Path | None:
    """Return a folder of the run by its name, ``None`` for a run without one; all processes must ask together."""
    return Path(trainer.log_dir) / name if trainer.loggers and trainer.log_dir else None


def save_figure(figure: "Figure", path: Path, *, dpi: float | None = None) -> None:
    """Write a figure so that ``path``, whose ending says in what format, is either whole or as it was.

    Args:
        figure: What is drawn.
        path: Where to.
        dpi: Pixels an inch; by default the figure's own.
    """
    with whole_file(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."), dpi=dpi or figure.dpi)


def log_picture(trainer: Trainer, name: str, path: Path) -> None:
    """Give a picture to W&B, where that logs."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [str(path)])
