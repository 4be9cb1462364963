"""Keeps a lease for processes that hold the other end of a pipe, its standard input, and gives it back after the last.

It is a process of its own: the lease outlives a command that was killed while what it had started goes on, and no long
step of a training, which Python's one interpreter lock would keep a thread waiting for, lets it run out.
"""

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

HELD, BUSY = "held", "busy"
NOT_FOR_IT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""What a terminal or SLURM sends to all processes; it ends when those have, for which it keeps the lease."""


def keep(place: str, seconds: float) -> None:
    """Take the lease, say whether that went well, and keep it while the pipe is open.

    Who uses it writes its process's number into the pipe, a line each, and is asked to end if the lease is lost.
    """
    from filelock import SoftFileLease, Timeout  # noqa: PLC0415  paid for by the keeper alone

    for number in NOT_FOR_IT:
        signal.signal(number, signal.SIG_IGN)
    users: list[Callable[[], None]] = []

    def end_users(_: object) -> None:
        for end in users:
            with suppress(ProcessLookupError):
                end()
        os._exit(1)

    lease = SoftFileLease(place, lease_duration=seconds, blocking=False, on_compromise=end_users)
    try:
        lease.acquire()
    except Timeout:
        tell(BUSY)
        return
    tell(HELD)
    for line in sys.stdin:
        with suppress(ProcessLookupError):
            users.append(asking_to_end(int(line)))
    lease.release()


def asking_to_end(number: int) -> Callable[[], None]:
    """Return what asks a process to end, and no other that has its number when it has ended.

    Raises:
        ProcessLookupError: If it has ended.
    """
    try:
        process = os.pidfd_open(number)
    except ProcessLookupError:
        raise
    except (AttributeError, OSError):  # a system that has none
        return partial(os.kill, number, signal.SIGTERM)
    return partial(signal.pidfd_send_signal, process, signal.SIGTERM)


def tell(word: str) -> None:
    """Say a word to who has started this process; who was killed meanwhile does not hear it."""
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), f"{word}\n".encode())


def use(pipe: int, process: int) -> None:
    """Tell a keeper, by its pipe, which process uses the lease; ``-1`` stands for none."""
    with suppress(OSError):  # the keeper has ended
        os.write(pipe, b"%d\n" % process)


def outlives(process: int, pipe: int) -> bool:
    """Wait until a process ends or the lease of a pipe has no keeper, and return whether the process has not ended.

    Where the system cannot tell, the answer comes at once, and is no.
    """
    try:
        ended = os.pidfd_open(process)
    except (AttributeError, OSError):
        return False
    try:
        watched = select.poll()
        watched.register(ended, select.POLLIN)
        if pipe >= 0:
            watched.register(pipe, 0)  # that the other end is closed is always told
        return all(found != ended for found, _ in watched.poll())
    finally:
        os.close(ended)


if __name__ == "__main__":
    keep(sys.argv[1], float(sys.argv[2]))
