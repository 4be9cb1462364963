"""Commands that start others: how those are stopped, kept apart, and what went wrong in one."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM, Signals, signal
from threading import Lock
from typing import NoReturn

import torch

from experiments.runs.lease_keeper import outlives, use

ERROR = re.compile(r"^(?:error: |[\w.]*(?:Error|Exception|Interrupt)\b).*", re.MULTILINE)


class StoppedError(Exception):
    """This process has been asked to stop."""


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


def say(line: str) -> None:
    """Print a line in one piece: those of several threads stay apart."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Processes:
    """Commands of the suite, each in a process of its own, that end with this one.

    Args:
        stops_on_sigterm: Whether a command that SIGTERM has ended has not failed: this process is about to be ended.
    """

    def __init__(self, *, stops_on_sigterm: bool = False) -> None:
        self.stopping, self.stops_on_sigterm = False, stops_on_sigterm
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()

    def call(
        self, module: str, args: Sequence[str], log: Path, lease: int, environment: Mapping[str, str] | None = None
    ) -> None:
        """Run a command to its end; its output goes to a file, and the lease stays held as long as it lives.

        If the lease is lost, as its keeper was killed for one, the command is asked to end.

        Raises:
            RuntimeError: If it fails, with the first line of its error.
            StoppedError: If this process was asked to stop.
        """
        with log.open("ab") as output, self._lock:
            begin = output.tell()
            if self.stopping:
                raise StoppedError
            process = subprocess.Popen(  # noqa: S603  the suite's own command
                python(module, args),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**command_environment(), **(environment or {})},
                pass_fds=[lease],
            )
            use(lease, process.pid)
            self._running.add(process)
        if is_lost := outlives(process.pid, lease):
            process.terminate()
        status = process.wait()
        with self._lock:
            self._running.discard(process)
            if self.stopping or (self.stops_on_sigterm and not is_lost and status in (-SIGTERM, 128 + SIGTERM)):
                raise StoppedError
        if status != 0:
            raise RuntimeError(first_error(log.read_bytes()[begin:].decode(errors="replace"), status))

    @contextmanager
    def ended_by_signal(self) -> Iterator[None]:
        """End the commands with this process, whether it is interrupted or terminated."""
        with sigterm_interrupts():
            try:
                yield
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Ask all commands to end, and begin no other."""
        with self._lock:
            self.stopping = True
            for process in self._running:
                process.terminate()


def python(module: str, args: Sequence[str]) -> list[str]:
    """Return the words that run one of the suite's commands."""
    return [sys.executable, "-m", module, *args]


def command_environment() -> Mapping[str, str]:
    """Return a command's environment: on a processor one thread each, so that their number changes no result."""
    suite = str(Path(__file__).parent.parent.parent)
    path = os.pathsep.join(filter(None, (suite, os.environ.get("PYTHONPATH"))))
    threads = {} if torch.cuda.is_available() else {"OMP_NUM_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": path, **threads}
