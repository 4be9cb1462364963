"""The seam where other people's files and programs come in: whatever they raise leaves it as one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_REASON = 200  # characters

SIGNS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: git lfs pull"),
    (b"<!doctype html", "a web page: the download has failed"),
    (b"<html", "a web page: the download has failed"),
    (b"<?xml", "XML: the download has failed"),
    (b"{", "text in JSON"),
)
"""How files begin that were meant to be others, and what they are."""


@contextmanager
def foreign(expected: str, given: object = None) -> Iterator[None]:
    """Turn what a library raises into a ``ValueError`` of one line.

    The one place where errors of any type are caught: libraries document few of theirs.

    Args:
        expected: What it was asked for, as the message names it.
        given: What came instead, where it has a name, such as a file's.

    Raises:
        ValueError: For every error.

    Example:
        >>> with foreign("numbers"):
        ...     {}["one"]
        Traceback (most recent call last):
        ValueError: Expected numbers, got KeyError: 'one'
    """
    try:
        yield
    except Exception as error:
        got = reason(error) if given is None else f"{given}: {reason(error)}"
        raise ValueError(f"Expected {expected}, got {got}") from error


def reason(error: BaseException) -> str:
    r"""Return an error's type and what it says, in one line; of a traceback in its text the last line.

    Example:
        >>> reason(RuntimeError("Traceback of TorchScript:\n  File …\nRuntimeError: no such shape"))
        'RuntimeError: no such shape'
    """
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    if any("Traceback" in line for line in lines):
        lines = lines[-1:]
    said, name = " ".join(lines), type(error).__name__
    if said and not said.startswith(name):
        said = f"{name}: {said}"
    return said[:LONGEST_REASON] + ("…" if len(said) > LONGEST_REASON else "") if said else name


def mistaken_for(path: Path) -> str | None:
    """Return what a file is that was meant to be another, where its beginning shows that."""
    if path.is_dir():
        return "a folder"
    with path.open("rb") as file:
        head = file.read(256)
    if not head:
        return "an empty file"
    return next((what for sign, what in SIGNS if head.lstrip().lower().startswith(sign)), None)
