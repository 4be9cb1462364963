"""Options of the commands that are not the trainer's: how they are read, and what is asked of numbers and folders."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from experiments.cli.user_errors import UserError, said


class Parser(argparse.ArgumentParser):
    """Options of a command, whose docstring is the help; says in one line what is wrong with them."""

    def __init__(self, **settings: Any) -> None:
        how = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(**{**how, **settings})

    def error(self, message: str) -> NoReturn:
        """See :class:`argparse.ArgumentParser`."""
        raise UserError(message)


def check_writable(folder: Path, what: str) -> None:
    """Refuse a folder that nothing can be written to; what is missing of it is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0")
            file.flush()
    except OSError as error:
        raise UserError(f"{folder}: expected a folder that {what} can be written to, got {said(error)}") from error


def check_outside(out: Path, option: str, source: Path) -> None:
    """Refuse an ``--out`` in the folder that another option names, or around it."""
    written, read = out.resolve(), source.resolve()
    if written.is_relative_to(read):
        raise UserError(f"Expected --out outside {option}, got {out} in {source}")
    if read.is_relative_to(written):
        raise UserError(f"Expected {option} outside --out, got {source} in {out}")


def count(text: str) -> int:
    """Return an option's value, a number of things from 1.

    Example:
        >>> count("12")
        12
    """
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def whole(option: str, least: int) -> Callable[[str], int]:
    """Return what reads an option that is a whole number of at least ``least``."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise UserError(f"Expected {option} of at least {least}, got {text!r}")
        return int(text)

    return read


def rate(option: str) -> Callable[[str], float]:
    """Return what reads an option that is a rate above 0 and up to 1."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= 1:
            raise UserError(f"Expected {option} in (0, 1], got {text!r}")
        return value

    return read
