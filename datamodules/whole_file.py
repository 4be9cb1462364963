"""Files that are whole or as they were, whatever happens while they are written."""

import fcntl
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

MACHINE = platform.node().replace("/", "_")[:64]


@contextmanager
def whole_file(path: Path | str, *, lasting: bool = True) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` once all has been written; its folder is made where it is missing.

    It is written beside ``path``, to a hidden ``.tmp``: a process that is killed, a disk that is full or an exception
    leaves what was there before. What a killed process has left, nothing reads, and the next writer writes over.

    Args:
        path: What is to be written.
        lasting: Wait until the disk has it, so that it survives a loss of power too; for files that can be made again
            and are looked at before they are used, it need not.

    Raises:
        OSError: If it cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole_file(f"{folder}/a.txt") as file:
        ...         _ = file.write(b"whole")
        ...     Path(folder, "a.txt").read_text(), len(os.listdir(folder))
        ('whole', 1)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _open_beside(path)
    unfinished = Path(file.name)
    try:
        with file:
            yield file
            file.flush()
            if lasting:
                os.fsync(file.fileno())
            unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if lasting:
        _sync_folder(path.parent)


def write_whole(path: Path | str, content: bytes | str, *, lasting: bool = True) -> None:
    """Write a file, text in UTF-8, so that ``path`` is either whole or as it was; see :func:`whole_file`."""
    with whole_file(path, lasting=lasting) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def _open_beside(path: Path) -> IO[bytes]:
    """Open this machine's unfinished file of ``path``, emptied; another one while a writer is at that.

    Of another machine's nobody here knows who is at it: NFS without a lock server grants every lock.
    """
    start = f".{os.fsdecode(os.fsencode(path.name)[:180])}"  # a file system takes 255 bytes of a name
    shared = path.with_name(f"{start}.{MACHINE}.tmp")
    file = open(shared, "wb", opener=_keeping)  # noqa: SIM115  # closed by the caller; Path's takes no opener
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if shared.stat().st_ino == os.fstat(file.fileno()).st_ino:  # or the other writer has just put it in place
            file.truncate()
            return file
    except OSError:  # it is locked, or gone, or the file system has no locks
        pass
    file.close()
    return path.with_name(f"{start}.{secrets.token_hex(4)}.tmp").open("xb")


def _keeping(name: str, flags: int) -> int:
    """Open a file without emptying it."""
    return os.open(name, flags & ~os.O_TRUNC, 0o666)


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # a file system that cannot; the file is whole all the same
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
