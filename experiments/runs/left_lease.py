"""Leases whose holders are gone, on file systems where no file can take another's place in one step: put aside."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import NamedTuple

LONGER = 1.25
"""How many times as long as it lasts a lease is left alone: filelock, which knows whose process has ended, is first."""


class Mark(NamedTuple):
    """What tells a lease from another, and from itself renewed."""

    content: bytes
    renewed: int
    """Nanoseconds, of the file system's clock: compared with itself alone."""


class LeftLease:
    """Watches a lease that another has, and puts it aside when it has not been renewed for longer than it lasts.

    filelock exchanges the names of two files, its own and the one that was left, which NFS, SMB and most file systems
    of user space cannot; and it never touches a file that is empty, as whoever is killed between making and writing one
    leaves it. There a lease would stay for good.

    Args:
        place: The lease's file.
        seconds: How long it lasts that nobody renews.
    """

    def __init__(self, place: Path, seconds: float) -> None:
        self.place, self.patience = place, LONGER * seconds
        self._seen: Mark | None = None
        self._since = 0.0

    def look(self) -> None:
        """Look at the lease, which was not free a moment ago; after this it may be."""
        found = marked(self.place)
        if found is None or found != self._seen:
            self._seen, self._since = found, monotonic()
        elif monotonic() - self._since > self.patience:
            put_aside(self.place, found)
            self._seen = None


def marked(place: Path) -> Mark | None:
    """Return what is in a lease's file and when it was renewed, ``None`` where there is none.

    It is opened, as a file server is asked anew then.
    """
    try:
        with place.open("rb") as file:
            return Mark(file.read(), os.fstat(file.fileno()).st_mtime_ns)
    except OSError:
        return None


def put_aside(place: Path, left: Mark) -> None:
    """Remove a lease that was left; one that has been taken or renewed since then stays.

    Of several that do this, one alone moves the file; what it has moved is looked at again, and put back if it is not
    what was left.
    """
    aside = place.with_name(f"{place.name}.left-{token_hex(4)}")
    try:
        place.rename(aside)
    except OSError:  # another was first, or its holder has given it back
        return
    if marked(aside) != left:
        with suppress(OSError):  # someone has it already: who had it sees that, and ends
            os.link(aside, place)
    with suppress(OSError):
        aside.unlink()
