"""What commands that start other commands share: how they are stopped, kept apart, and what went wrong in one."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGTERM, Signals, signal
from typing import IO, Any, NoReturn

ERROR = re.compile(r"^(?:error: |[\w.]*(?:Error|Exception|Interrupt)\b).*", re.MULTILINE)


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C would, so that it can end what it has started."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal(SIGTERM, interrupt)
    try:
        yield
    finally:
        signal(SIGTERM, before)


def try_lock(file: IO[Any]) -> bool:
    """Lock a file, if nobody else has, for as long as this process or one that the file is passed to has it open."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def first_error(output: str, status: int) -> str:
    r"""Return the first line of what went wrong: this suite's own, or a traceback's last.

    Args:
        output: What the command has written.
        status: Its exit status; a signal's number, negative.

    Example:
        >>> first_error("Epoch 1\nerror: Expected a folder, got x", 1)
        'Expected a folder, got x'
        >>> first_error("Traceback …\n  File …\nValueError: no\nmore of it\n", 1)
        'ValueError: no'
        >>> first_error("Epoch 1", -9)
        'ended by signal SIGKILL: out of memory?'
    """
    if status < 0:
        name = Signals(-status).name
        return f"ended by signal {name}" + (": out of memory?" if name == "SIGKILL" else "")
    found = ERROR.findall(output)
    own = [line.removeprefix("error: ") for line in found if line.startswith("error: ")]
    said = [line for line in output.splitlines() if line.strip()]
    return (own or found or said or [f"exit status {status}"])[-1].strip()
