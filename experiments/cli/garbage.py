"""Python's collector of garbage, which looks in vain while a command loads its libraries and builds what it names."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector rest, to the end of the block or until :func:`collected` ends it early.

    What is loaded stays, and to look through it again and again takes a sixth of a start.

    Example:
        >>> with uncollected():
        ...     gc.isenabled()
        False
        >>> gc.isenabled()
        True
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collected() -> None:
    """Let the collector work: what is built is run now, and that may take days."""
    gc.enable()
