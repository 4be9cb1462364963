"""Who writes to a journal file that several machines share: one worker at a time, and whole lines."""

import os
from pathlib import Path
from time import sleep

from filelock import SoftFileLease, Timeout
from optuna.storages.journal import JournalFileOpenLock

from experiments.runs.left_lease import LeftLease

SECONDS = 30.0
"""How long a worker may be silent in the middle of a line."""
LONGEST_WAIT = 0.05
"""Seconds between two looks at most."""
PIECE = 1 << 16


class JournalLock(JournalFileOpenLock):
    """Lets one worker write, and cuts off what one that was killed, or a full disk, has left of a line.

    Optuna's own locks are removed by age by whoever waits, also one that has just been taken in the place of an old
    one; and its default one, a link to the journal's path, has no age where that is relative to another folder: it then
    stays for good. A piece of a line becomes part of the next, and nobody can read the journal.

    Args:
        journal: The file's path.
    """

    def __init__(self, journal: str) -> None:
        super().__init__(journal)
        self._journal, place = journal, Path(f"{journal}.writing")
        self._lease, self._left = SoftFileLease(place, lease_duration=SECONDS), LeftLease(place, SECONDS)

    def acquire(self) -> bool:
        """Take it, after whoever has it."""
        pause = 0.001
        while True:
            try:
                self._lease.acquire(blocking=False)
                break
            except Timeout:
                self._left.look()
            sleep(pause)
            pause = min(2 * pause, LONGEST_WAIT)
        try:
            cut_unfinished_line(Path(self._journal))
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        """Give it back; where another has it by now, it keeps it."""
        self._lease.release()


def cut_unfinished_line(path: Path) -> None:
    """Remove what a file has after its last line's end."""
    with path.open("rb+") as file:
        size = end = file.seek(0, os.SEEK_END)
        piece = 1  # nearly always the last byte ends a line
        while end > 0:
            start = max(0, end - piece)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end, piece = start, PIECE
        if end < size:
            file.truncate(end)
