"""Where a run keeps its files, how they are written and read, and its loggers' share of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.whole_file import whole_file, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pytorch_lightning import Trainer


def run_folder(trainer: "Trainer", name: str) -> Path | None:
    """Return a folder of the run by its name, ``None`` for a run without one; all processes must ask together."""
    return Path(trainer.log_dir) / name if trainer.loggers and trainer.log_dir else None


def save_figure(figure: "Figure", path: Path, *, dpi: float | None = None, described: str = "") -> None:
    """Write a figure so that ``path``, whose ending says in what format, is either whole or as it was.

    Args:
        figure: What is drawn.
        path: Where to.
        dpi: Pixels an inch; by default the figure's own.
        described: The figure in words, for who does not see it: a PNG's ``Description``.
    """
    metadata = {"Description": described} if described else None
    with whole_file(path) as file:
        figure.savefig(file, format=path.suffix.removeprefix("."), dpi=dpi or figure.dpi, metadata=metadata)


def log_picture(trainer: "Trainer", name: str, path: Path) -> None:
    """Give a picture to W&B, where that logs."""
    from pytorch_lightning.loggers import WandbLogger  # noqa: PLC0415  takes seconds, and is loaded where trainers are

    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [str(path)])


def write_json(path: Path, content: object) -> None:
    """Write ``content`` so that ``path`` is either whole or as it was before.

    Raises:
        ValueError: If it holds NaN or infinity, which JSON has not.
        OSError: If it cannot be written.
    """
    write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return a file's content, ``None`` where there is no file or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
