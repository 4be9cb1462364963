"""How a folder's crops were aligned, as the file says that was written beside them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datamodules.errors import DataError

SETTINGS = "align_settings.json"
"""Written by ``experiments.align``; anybody can write one beside crops that were made otherwise."""
_LEVELS = 3


def declared_settings(root: Path | str) -> tuple[Path, dict[str, Any]] | None:
    """Return the settings that a folder's crops were made with and their file, or ``None`` where nothing says so.

    The file is in the folder itself or, for a part of the crops, up to two folders above it.

    Raises:
        DataError: If the file is there and is no mapping in JSON.
    """
    path = next((path for path in _places(Path(root)) if path.is_file()), None)
    return None if path is None else (path, parsed_settings(path, _text(path)))


def declared_template(root: Path | str) -> tuple[Path, str] | None:
    """Return the template that a folder's crops are aligned to and the file that says so, or ``None``.

    Raises:
        DataError: If the file is malformed, or names no template.
    """
    declared = declared_settings(root)
    if declared is None:
        return None
    path, settings = declared
    template = settings.get("template")
    if not isinstance(template, str) or not template:
        raise DataError(f"{path}: expected `template`, the name of an alignment, got {template!r}")
    return path, template


def agreed_template(root: Path | str, given: str | None, *, default: str) -> str:
    """Return the template of a folder's crops: as it is declared or given, or a default where neither is.

    Raises:
        DataError: If both are there and differ, or the declaration is malformed.
    """
    declared = declared_template(root)
    if declared is None:
        return default if given is None else given
    path, template = declared
    if given not in (None, template):
        raise DataError(f"{path}: expected the alignment that these crops were made with, {template!r}, got {given!r}")
    return template


def parsed_settings(path: Path, text: str) -> dict[str, Any]:
    """Return what the text of a settings file says.

    Raises:
        DataError: If it is no mapping in JSON.
    """
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise DataError(f"{path}: expected settings of the crops in JSON, got {text[:40]!r}")
    return settings


def _places(root: Path) -> Iterator[Path]:
    resolved = root.resolve()
    return (folder / SETTINGS for folder in [resolved, *resolved.parents][:_LEVELS])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: expected settings of the crops in JSON, got {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected settings of the crops in JSON, got bytes that are no text") from None
