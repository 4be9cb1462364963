"""Where errors become one line for people; what nobody foresaw keeps its traceback in a file that the line names."""

import sys
import tempfile
import textwrap
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from datamodules.errors import DataError

LONGEST_MESSAGE = 500  # characters; smp for one lists all its encoders
INTERRUPTED = 130  # exit status of a shell's command that SIGINT has ended
IN_A_WORKER = "Original Traceback (most recent call last):"
"""In the text of an error that has come from another process."""
LOST_WORKER = "DataLoader worker"
"""Begins what torch says where a loading process was killed."""


class UserError(Exception):
    """Something the user can mend: shown as one line, without a traceback."""


class UnforeseenError(UserError):
    """What no refusal of this suite has foreseen, of a library or of its own: its traceback is kept."""


@contextmanager
def as_user_errors(kind: type[ValueError] = DataError) -> Iterator[None]:
    """Make refusals of lower rooms, which know of no user, this room's, in the same words."""
    try:
        yield
    except kind as error:
        raise UserError(str(error)) from error


def main(command: Callable[..., Any], args: Sequence[str] | None = None) -> None:
    """Call ``command(args)``; whatever it raises becomes one line on stderr and exit status 1."""
    try:
        command(sys.argv[1:] if args is None else args)
    except (UserError, DataError) as error:
        fail(error, str(error))
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:  # the one seam of all that libraries, and mistakes of ours, can raise
        fail(UnforeseenError(), said(error), error)


def fail(error: Exception, message: str, cause: BaseException | None = None) -> NoReturn:
    """Print one line, with the file of the traceback if nobody foresaw it, and exit."""
    line = textwrap.shorten(message, LONGEST_MESSAGE, placeholder=" …")
    cause = cause or unforeseen(error)
    kept = "" if cause is None else keep_traceback(cause)
    print(f"error: {line}{kept}", file=sys.stderr)
    sys.exit(1)


def unforeseen(error: BaseException | None) -> BaseException | None:
    """Return what an :class:`UnforeseenError` was raised from, however often it was wrapped."""
    seen: list[BaseException] = []
    while error is not None and not isinstance(error, UnforeseenError):
        if error in seen:  # causes may go round in a circle
            return None
        seen.append(error)
        error = error.__cause__
    return None if error is None else error.__cause__


def keep_traceback(error: BaseException) -> str:
    """Write an error's traceback to a temporary file and return the words that name it."""
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="traceback-", suffix=".txt", encoding="utf-8", errors="backslashreplace", delete=False
        ) as file:
            file.write(text)
    except OSError:  # not even there is room: then here
        return f"\n{text}"
    return f" (traceback: {file.name})"


def said(error: BaseException) -> str:
    r"""Return what an error says, with its kind, in one line.

    Example:
        >>> said(KeyError("noise_patch")), said(RuntimeError("out of\n  memory")), said(MemoryError())
        ("KeyError: 'noise_patch'", 'RuntimeError: out of memory', 'MemoryError')
        >>> said(OSError(28, "No space left on device", "runs/last.ckpt"))
        "[Errno 28] No space left on device: 'runs/last.ckpt'"
        >>> said(RuntimeError("DataLoader worker (pid 7) exited"))
        'DataLoader worker (pid 7) exited: out of memory? Fewer loading processes (num_workers) need less'
    """
    text = " ".join(str(error).split())
    if text.startswith(LOST_WORKER):
        return f"{text.rstrip('.')}: out of memory? Fewer loading processes (num_workers) need less"
    if IN_A_WORKER in str(error):
        return str(error).strip().rpartition("\n")[2]  # a traceback's last line has the kind
    if isinstance(error, OSError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
