"""Who is at a run: a lease in a file, also between machines that share a file system."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from experiments.runs.lease_keeper import HELD
from experiments.runs.left_lease import LeftLease
from experiments.runs.process import StoppedError, command_environment, python

if TYPE_CHECKING:
    from filelock import SoftFileLease

SECONDS = 120.0
"""How long a lease lasts by default; it is renewed three times as often."""


class BusyError(Exception):
    """Another process is at it."""


class Lease:
    """A file that one process has at a time, and those that it lets have it.

    Locks of the operating system are no choice where a file system is shared: NFS without a lock server grants every
    one, Lustre none without an option of its mount, and where they work, the lock of a machine that is gone stays. So
    this is filelock's ``SoftFileLease``: a file that is created where there is none, which NFS does for one process
    alone, and renewed while it is held. Another takes it over when its holder's process has ended, on the same machine,
    or when it has not changed for :data:`SECONDS` of the other's own clock; clocks of two machines are not compared.
    Where filelock cannot take over, as on NFS, :class:`~experiments.runs.left_lease.LeftLease` does, by that clock.

    A process of its own renews it, ``lease_keeper``, as long as someone has the other end of its pipe open: this
    process, or a command that the end is passed to, so that the run of a command that was killed is left alone while it
    goes on. Who has been silent for too long, as a machine that was asleep, is asked to end.

    Args:
        place: The file.
        seconds: How long it lasts that nobody renews; all who ask for one must agree.
    """

    def __init__(self, place: Path, *, seconds: float = SECONDS) -> None:
        self.place, self.seconds = place, seconds
        self._observer: SoftFileLease | None = None
        self._left = LeftLease(place, seconds)
        self._keeper: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._has_waited = False

    def take(self) -> bool:
        """Take it, if nobody has it, and return whether that went well."""
        if not self._is_free():
            return False
        receives, self._pipe = os.pipe()
        answers, says = os.pipe()
        words = python("experiments.runs.lease_keeper", [str(self.place), str(self.seconds)])
        self._keeper = subprocess.Popen(  # noqa: S603  the suite's own command
            words, stdin=receives, stdout=says, env=command_environment(), start_new_session=True
        )
        os.close(receives)
        os.close(says)
        with os.fdopen(answers) as answer:
            is_held = answer.readline().strip() == HELD
        if not is_held:
            self.give_back()
        return is_held

    def fileno(self) -> int:
        """Return the end of the pipe that holds it; a command that it is passed to holds it too."""
        return self._pipe

    @property
    def is_at_work_here(self) -> bool:
        """Whether it is known to be a process's of this machine that has not ended; in a container, nobody knows."""
        owner = self._observer.owner if self._observer is not None else None
        if owner is None or owner.hostname != socket.gethostname():
            return False
        try:
            os.kill(owner.pid, 0)
        except OSError as error:
            return isinstance(error, PermissionError)  # another user's
        return True

    @property
    def lost(self) -> bool:
        """Whether it was taken, and another has it now."""
        return self._keeper is not None and self._keeper.poll() is not None

    def give_back(self) -> None:
        """Let it go; a command that it was passed to still has it."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._keeper is not None:
            with suppress(subprocess.TimeoutExpired):
                self._keeper.wait(5)
            self._keeper = None

    @contextmanager
    def taken(
        self, *, on_wait: Callable[[], None], is_stopping: Callable[[], bool], waits: bool = True
    ) -> Iterator["Lease"]:
        """Take it, after whoever has it.

        Args:
            on_wait: Is called once, where another has it.
            is_stopping: Whether no longer to wait.
            waits: Whether to wait at all.

        Raises:
            BusyError: If another has it, and this process does not wait.
            StoppedError: If this process is stopping.
        """
        while not self.take():
            if not self._has_waited:
                on_wait()
            self._has_waited = True
            if not waits:
                raise BusyError
            if is_stopping():
                raise StoppedError
            sleep(0.2)
        try:
            yield self
        finally:
            self.give_back()

    def _is_free(self) -> bool:
        """Whether nobody has it; one and the same observer sees how long another's has not been renewed."""
        from filelock import SoftFileLease, Timeout  # noqa: PLC0415  paid for where runs are begun

        self._observer = self._observer or SoftFileLease(self.place, lease_duration=self.seconds, blocking=False)
        try:
            self._observer.acquire()
        except (Timeout, PermissionError) as error:  # the latter where another user has made the file
            if isinstance(error, PermissionError) and not os.access(self.place.parent, os.W_OK):
                raise
            self._left.look()
            return False
        self._observer.release()
        return True
