"""Where a paper's report is: in a folder of the name of the paper's file, which two files do not share."""

import os
from collections.abc import Sequence
from pathlib import Path

from datamodules.whole_file import write_whole
from experiments.cli.user_errors import UserError
from experiments.reproduction.paper_file import papers
from experiments.reproduction.paper_parts import unknown

FOLDER = Path("runs/reproduce")
OWNER = "declaration.txt"
"""Names the file that a folder's report is of, from there."""


def files_of(names: Sequence[str]) -> dict[str, Path]:
    """Return papers' files by the names of the folders that their reports are kept in.

    Args:
        names: Of ``experiments/tables``, or files.

    Raises:
        UserError: If there is none of a name, two have one name, or the folder's report is another file's.
    """
    files: dict[str, Path] = {}
    for path in map(_file, dict.fromkeys(names)):
        if (other := files.setdefault(path.stem, path)) != path:
            raise UserError(f"expected files of different names, got {other} and {path}, whose reports have one folder")
        _check_owner(FOLDER / path.stem, path)
    return files


def own(path: Path) -> None:
    """Note in the folder of a file's report whose it is."""
    folder = FOLDER / path.stem
    write_whole(folder / OWNER, os.path.relpath(path.resolve(), folder.resolve()))


def report_of(name: str) -> Path:
    """Return the page of a paper, by its file's name."""
    return FOLDER / name / "report.html"


def _file(name: str) -> Path:
    path = Path(name) if name.endswith((".yaml", ".yml")) else papers().get(name)
    if path is None or not path.exists():
        raise UserError(unknown("reproduction", name, papers()))
    return path


def _check_owner(folder: Path, path: Path) -> None:
    owner = folder / OWNER
    other = folder / owner.read_text(encoding="utf-8") if owner.exists() else path
    if other.resolve() != path.resolve() and other.exists():
        raise UserError(f"{path}: expected another name, got that of {other.resolve()}, whose report is in {folder}")
