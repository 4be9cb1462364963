"""What code does to the machine: what it writes, runs or connects to, and more time or memory than it is given."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.", "ctypes.dlopen"),
    *("pickle.find_class", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "shutil."),
)
_seen: list[str] | None = None


@contextmanager
def limited(seconds: float, megabytes: int) -> Iterator[None]:
    """Interrupt what takes longer, and refuse it more memory."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {seconds} s")

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, interrupt)
    resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20), before[1]))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGALRM, handler)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect what is written, run, imported from a pickle or connected to."""
    global _seen  # noqa: PLW0603  a hook cannot be taken away again, so it asks whether it is wanted
    if _seen is None:
        sys.addaudithook(_hook)
    seen: list[str] = []
    _seen = seen
    try:
        yield seen
    finally:
        _seen = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            _seen.append(f"open {path} to write")
    elif event.startswith(_FORBIDDEN):
        _seen.append(f"{event} {str(arguments)[:200]}")
