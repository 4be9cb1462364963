"""What is wrong with a configuration file, in words that name it; what keys it may have is the parser's business."""

import re
from collections.abc import Sequence
from pathlib import Path

from datamodules.errors import DataError
from datamodules.yaml_file import read_yaml
from experiments.cli.messages import did_you_mean
from experiments.cli.user_errors import UserError
from experiments.runs.layers import CONFIGURATIONS

FILE = re.compile(r"(?:--config|-c)=([^{\[].*)")
"""An option that names a file, rather than holding a configuration."""


def check_config_files(words: Sequence[str]) -> None:
    """Refuse files of a command line that cannot be read, or that say something twice.

    Args:
        words: Of the command line, options as one word each.

    Raises:
        UserError: If one is missing, a folder, no UTF-8, no YAML, empty, no mapping, or has a key twice, of which YAML
            would take the last.
    """
    for found in filter(None, map(FILE.fullmatch, words)):
        check_config_file(Path(found[1]))


def check_config_file(path: Path) -> None:
    """Refuse one file; see :func:`check_config_files`."""
    if not path.exists():
        near = did_you_mean(str(path), CONFIGURATIONS)
        raise UserError(f"Expected --config as a file or the name of a configuration, got '{path}'{near}")
    try:
        content = read_yaml(path)
    except DataError as error:
        raise UserError(str(error)) from error
    if not isinstance(content, dict):
        kind = "an empty file" if content is None else "a list" if isinstance(content, list) else "a text"
        raise UserError(f"{path}: expected a configuration of keys and values, got {kind}")
