"""Jobs that were submitted, kept as a file beside each run: who is started again finds them."""

import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from pydantic import TypeAdapter

from callbacks.run_files import write_json

ENDED = (
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "TIMEOUT",
    "NODE_FAIL",
    "BOOT_FAIL",
    "DEADLINE",
    "OUT_OF_MEMORY",
    "REVOKED",
)
"""What SLURM calls jobs that it will not go on with; PREEMPTED is followed by another state."""
GONE = "gone"
OVER = "over"
CONTROLLER = b"submitit.local._local"
"""In the command line of what watches over a local job."""
STARTING = 10.0
"""Seconds that a process may be without a command line."""


@dataclass(frozen=True)
class SubmittedJob:
    """A job.

    Args:
        cluster: Which it was submitted to.
        number: There.
        folder: Of its logs.
        machine: That it was submitted on.
    """

    cluster: str
    number: str
    folder: str
    machine: str

    @property
    def log(self) -> Path:
        """What it has written of mistakes."""
        return Path(self.folder) / f"{self.number}_0_log.err"

    @property
    def result(self) -> Path:
        """What it leaves when it has ended by itself."""
        return Path(self.folder) / f"{self.number}_0_result.pkl"

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is of another machine itself, which alone can tell of it."""
        return self.cluster == "local" and self.machine != platform.node()

    def save(self, run: Path) -> None:
        """Write it beside a run's folder."""
        write_json(_place(run), asdict(self))

    def __str__(self) -> str:
        """Return it in words."""
        return f"job {self.number} of {self.cluster}"


def job_of(run: Path) -> SubmittedJob | None:
    """Return the last job that was submitted for a run's folder, ``None`` where there is none or it is damaged."""
    try:
        return TypeAdapter(SubmittedJob).validate_json(_place(run).read_bytes())
    except (OSError, ValueError):
        return None


def submitted(cluster: str, number: str, folder: Path) -> SubmittedJob:
    """Return a job that was submitted here."""
    return SubmittedJob(cluster, number, str(folder), platform.node())


class JobStates:
    """Says of jobs whether they have ended, with one question to SLURM for all of them.

    None is gone by an answer that is older than the question.

    That is asked of ``squeue``, which every SLURM has; ``sacct`` needs a database.

    Args:
        seconds: Until SLURM is asked again.
    """

    def __init__(self, *, seconds: float = 10.0) -> None:
        self.seconds = seconds
        self._states: dict[str, str] | None = None
        self._asked = -seconds
        self._lock = Lock()

    def ended(self, job: SubmittedJob) -> str:
        """Return how a job has ended, as SLURM calls it; empty while it is queued or running, or if none can tell."""
        if job.result.exists():
            return OVER
        if job.cluster == "local":
            return "" if job.is_elsewhere or _is_controller(job.number) or job.result.exists() else GONE
        called = monotonic()
        with self._lock:
            if called > self._asked + self.seconds or (self._is_unknown(job) and self._asked < called):
                self._asked, self._states = monotonic(), _slurm_states()
            if self._states is None:
                return ""
            state = self._states.get(job.number, GONE)
        return state if state == GONE or state.startswith(ENDED) else ""

    def _is_unknown(self, job: SubmittedJob) -> bool:
        """Whether the last answer does not have a job, which another driver may have submitted since."""
        return self._states is not None and job.number not in self._states

    def forget(self) -> None:
        """Let SLURM be asked anew: what has just been submitted is not in its last answer."""
        with self._lock:
            self._asked = -self.seconds


def _slurm_states() -> dict[str, str] | None:
    """Return SLURM's jobs and their states, ``None`` if it does not answer."""
    ask = ["squeue", "--me", "--noheader", "--states=all", "--format=%A %T"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603  fixed words
    except (OSError, subprocess.SubprocessError):
        return None
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines() if len(line.split()) > 1)


def _is_controller(number: str) -> bool:
    """Whether a process of this machine, which has not ended, watches over a local job.

    A process that has just been started has no words for a moment, one that has ended has none either.
    """
    until = monotonic() + STARTING
    while True:
        try:
            words = Path("/proc", number, "cmdline").read_bytes()
            has_ended = not words and Path("/proc", number, "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            return False
        if words or has_ended or monotonic() > until:
            return CONTROLLER in words
        sleep(0.01)


def _place(run: Path) -> Path:
    return run.with_name(f".{run.name}.job")
