"""A file in ``experiments/tables``: how it is read."""

from dataclasses import fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from datamodules.errors import DataError
from datamodules.yaml_file import read_yaml
from experiments.cli import UserError
from experiments.reproduction.paper import Paper
from experiments.reproduction.paper_checks import check
from experiments.reproduction.paper_parts import Column, Comparison, Curves, Figure, PaperRow, Table, unknown
from experiments.runs.systems import TABLES

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
    try:
        paper = TypeAdapter(Paper).validate_python(read_yaml(path))
        check(paper)
    except ValidationError as error:
        raise UserError(f"{path}: {_first(error)}") from error
    except DataError as error:
        raise UserError(str(error)) from error
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
