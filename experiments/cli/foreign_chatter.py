"""What libraries say of themselves when a run starts, and its user can do nothing with."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.seed")
CHATTER = re.compile(r"💡 Tip|TPU available|Seed set to|Loading `train_dataloader` to estimate")
"""Beginnings of lines: advertisements, devices that few have, and what the run's ``config.yaml`` says."""


def silence() -> None:
    """Leave out what libraries say of themselves; their warnings and errors about a run stay."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(is_about_the_run)
    warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)  # of torch, to Lightning


@contextmanager
def warnings_only(logger: str) -> Iterator[None]:
    """Leave out what a library's logger tells below warnings, until the context ends."""
    library = logging.getLogger(logger)
    level = library.level
    library.setLevel(logging.WARNING)
    try:
        yield
    finally:
        library.setLevel(level)


def is_about_the_run(record: logging.LogRecord) -> bool:
    """Return whether a line of a library is worth its place.

    Example:
        >>> line = logging.makeLogRecord({"msg": "GPU available: True (cuda), used: True"})
        >>> is_about_the_run(line), is_about_the_run(logging.makeLogRecord({"msg": "💡 Tip: install our service"}))
        (True, False)
    """
    return CHATTER.match(record.getMessage()) is None
