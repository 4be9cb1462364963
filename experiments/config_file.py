"""What is wrong with a configuration file, in words that name it; what keys it may have is the parser's business."""

from collections.abc import Sequence
from pathlib import Path

from datamodules.errors import DataError
from datamodules.yaml_file import read_yaml
from experiments.errors import UserError


def check_config_files(args: Sequence[str]) -> None:
    """Refuse files of a command line that cannot be read, or that say something twice.

    Args:
        args: All words; what is no file is left to the parser.

    Raises:
        UserError: If one is a folder, no UTF-8, no YAML, empty, no mapping, or has a key twice, of which YAML would
            take the last.
    """
    for place, word in enumerate(args):
        option, _, value = word.partition("=")
        if option in ("--config", "-c"):
            given = Path(value or (args[place + 1] if place + 1 < len(args) else ""))
            if value[:1] not in "{[" and given.exists():
                check_config_file(given)


def check_config_file(path: Path) -> None:
    """Refuse one file; see :func:`check_config_files`."""
    try:
        content = read_yaml(path)
    except DataError as error:
        raise UserError(str(error)) from error
    if not isinstance(content, dict):
        kind = "an empty file" if content is None else "a list" if isinstance(content, list) else "a text"
        raise UserError(f"{path}: expected a configuration of keys and values, got {kind}")
