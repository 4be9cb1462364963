"""A paper's file: how it is found and read, and whose the report is that a folder of its name has."""

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from datamodules.whole_file import write_whole
from datamodules.yaml_file import read_yaml
from experiments.cli.user_errors import UserError, as_user_errors
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_checks import check
from experiments.reproduction.paper_parts import Column, Comparison, Curves, Figure, PaperRow, Table, unknown
from experiments.runs.layers import TABLES

FOLDER = Path("runs/reproduce")
OWNER = "declaration.txt"
"""Names the file that a folder's report is of, from there."""
OTHERS = ("systems", "real_models")
"""Files beside them that are no papers."""
KINDS = (Paper, PaperRow, Column, Table, Comparison, Figure, Curves)


def papers() -> dict[str, Path]:
    """Return the suite's files by their names."""
    return {path.stem: path for path in sorted(TABLES.glob("*.yaml")) if path.stem not in OTHERS}


def load(path: Path) -> Paper:
    """Read a paper's file.

    Raises:
        UserError: If a key or a name in it is unknown, in one line with file, place and nearest name.
    """
    with as_user_errors():
        content = read_yaml(path)
    try:
        paper = TypeAdapter(Paper).validate_python(content)
        check(paper)
    except ValidationError as error:
        raise UserError(f"{path}: {_first(error)}") from error
    except ValueError as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from error
    return paper


def _first(error: ValidationError) -> str:
    """Return the first thing that is wrong: where, what, and for a key that is none the nearest one."""
    first = error.errors()[0]
    *place, key = first["loc"] or ("the file",)
    known = [f.name for kind in KINDS for f in fields(kind)]
    what = unknown("key", str(key), known) if first["type"] == "unexpected_keyword_argument" else first["msg"]
    return ": ".join([*map(str, place), *([] if "key" in what else [str(key)]), what])


def files_of(names: Sequence[str]) -> dict[str, Path]:
    """Return papers' files by the names of the folders that their reports are kept in.

    Raises:
        UserError: If there is none of a name, two have one name, or the folder's report is another file's.
    """
    files: dict[str, Path] = {}
    for path in map(_file, dict.fromkeys(names)):
        if (other := files.setdefault(path.stem, path)) != path:
            raise UserError(f"expected files of different names, got {other} and {path}, whose reports have one folder")
        folder = FOLDER / path.stem
        owner = folder / OWNER
        other = folder / owner.read_text(encoding="utf-8") if owner.exists() else path
        if other.resolve() != path.resolve() and other.exists():
            raise UserError(
                f"{path}: expected another name, got that of {other.resolve()}, whose report is in {folder}"
            )
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
