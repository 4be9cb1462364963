"""The folder of a model that is taken away: written whole or not at all, and never over anything else."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datamodules.errors import DataError
from datamodules.yaml_file import read_yaml
from experiments.cli import UserError
from experiments.cli.user_errors import said

ONNX, WEIGHTS, DESCRIPTION, CARD = "model.onnx", "model.safetensors", "model.yaml", "README.md"
FILES = (ONNX, f"{ONNX}.data", WEIGHTS, DESCRIPTION, CARD)
FORMAT = "exported_model"
"""Key of a description, with the number of its format."""
NUMBER = 1


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def description_of(folder: Path) -> dict[str, Any]:
    """Return what an exported model's description says.

    Raises:
        UserError: If the folder is none of an exported model.
    """
    try:
        content = read_yaml(folder / DESCRIPTION)
    except DataError as error:
        raise UserError(f"Expected a folder of an exported model, got {error}") from error
    if not isinstance(content, dict) or content.get(FORMAT) != NUMBER:
        raise UserError(f"Expected {FORMAT}: {NUMBER} in {folder / DESCRIPTION}, got none")
    return content


def exported_onnx(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return an exported model's ONNX file, as it was written, and what its description says.

    Raises:
        UserError: If the folder is none of an exported model, or one of its files is another than was exported.
    """
    content = description_of(folder)
    known = content["sha256"] if isinstance(content.get("sha256"), dict) else {}
    names = [name for name in (ONNX, f"{ONNX}.data") if name in known]
    if ONNX not in names:
        raise UserError(f"Expected sha256 of {ONNX} in {folder / DESCRIPTION}, got none")
    for name in names:
        if not (folder / name).is_file() or sha256(folder / name) != known[name]:
            raise UserError(f"Expected {name} in {folder} as it was exported, by its SHA-256, got another or none")
    return folder / ONNX, content


def check_place(out: Path) -> None:
    """Refuse a place where there is something other than an exported model or an empty folder.

    Raises:
        UserError: If there is.
    """
    if not out.exists() and not out.is_symlink():
        return
    if out.is_symlink() or not out.is_dir():
        raise UserError(
            f"Expected a new folder as --out, got {out}, which is a {'link' if out.is_symlink() else 'file'}"
        )
    others = sorted(entry.name for entry in out.iterdir() if entry.name not in FILES)
    if others:
        raise UserError(
            f"Expected a new folder as --out, or one of an exported model alone, got {out} with {others[0]}"
        )
    if any(out.iterdir()):
        description_of(out)


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a folder that takes the place of ``out`` when all has been written into it, or is removed.

    Raises:
        UserError: If ``out`` cannot be written, or is something else.
    """
    check_place(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", suffix=".tmp", dir=out.parent))
    except OSError as error:
        raise UserError(f"Expected a folder that can be written as --out, got {out}: {said(error)}") from error
    try:
        yield unfinished
        unfinished.chmod(0o755)  # that of a temporary folder is its owner's alone
        _put_in_place(unfinished, out)
    except OSError as error:
        raise UserError(f"Expected a folder that can be written as --out, got {out}: {said(error)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _put_in_place(made: Path, out: Path) -> None:
    """Move a folder to where an earlier one may be, which comes back if that fails."""
    check_place(out)  # something may have come there meanwhile
    earlier = made.with_suffix(".earlier")
    if out.exists():
        out.rename(earlier)
    try:
        made.rename(out)
    except OSError:
        if earlier.exists():
            earlier.rename(out)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
