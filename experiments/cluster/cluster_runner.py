"""Runs nodes as jobs of a cluster, each once, and finds those that were submitted before."""

import os
import pickle
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from experiments.cli.user_errors import UserError, said
from experiments.cluster.job_options import JOBS, JobOptions
from experiments.cluster.node_job import NodeJob
from experiments.cluster.submitted_job import OVER, JobStates, SubmittedJob, job_of, submitted
from experiments.runs.finished import Looked, is_finished
from experiments.runs.lease import Lease
from experiments.runs.process import StoppedError, command_environment, first_error, say
from experiments.runs.run_graph import Node
from experiments.runs.run_record import RunRecord, recorded

SUBMITTING = Lock()
"""Held by who has taken the place of stderr, which all threads share."""


class ClusterRunner:
    """Submits nodes as jobs, and waits for their ends.

    A job that is queued or running, whoever has submitted it, is waited for in the place of another; so a driver that
    was killed finds its jobs. What a job does is what :class:`Runner` does, under the run's lease: were a job submitted
    twice, by a driver that was killed before it could note the first, it would still be run once.

    Args:
        options: How jobs are asked for.
        reserve: Bytes that must be free on the disk before a job starts a run.
        is_stopping: Whether no longer to wait.
        states: Tells which jobs have ended.
        tell: Is told what happens, line by line.
        looks: Seconds between two looks at a job.
        patience: Seconds after a job's end in which its result may appear, as a file server's clients see late what
            others have written, or SLURM may queue it again.
    """

    def __init__(
        self,
        options: JobOptions,
        *,
        reserve: int = 0,
        is_stopping: Callable[[], bool] = lambda: False,
        states: JobStates | None = None,
        tell: Callable[[str], None] = say,
        looks: float = 1.0,
        patience: float = 15.0,
    ) -> None:
        self.options, self.reserve, self.is_stopping, self.tell = options, reserve, is_stopping, tell
        self.states, self.looks, self.patience = states or JobStates(), looks, patience
        self._looked = Looked()
        os.environ["PYTHONPATH"] = command_environment()["PYTHONPATH"]  # which jobs inherit

    def look(self, nodes: Iterable[Node]) -> None:
        """See :meth:`Runner.look`."""
        self._looked.look(nodes)

    def run(self, node: Node, *, for_others: bool = False, waits: bool = True) -> RunRecord:
        """Run a node in a job, or take what another has found meanwhile, and return what became of it.

        Raises:
            StoppedError: If this process was asked to stop; jobs go on.
        """
        node.folder.parent.mkdir(parents=True, exist_ok=True)
        lease = Lease(node.folder.with_name(f".{node.folder.name}.submission"))
        try:
            with lease.taken(on_wait=lambda: None, is_stopping=self.is_stopping):
                if is_finished(node, for_others=for_others) or self._looked.failed_since(node):
                    return recorded(node.folder)
                job = self._running(node) or self._submit(node, for_others=for_others)
        except (UserError, RuntimeError, OSError) as error:
            return RunRecord(error=f"not submitted: {said(error)}")
        while not (how := self._ended(job)):
            if self.is_stopping():
                raise StoppedError
            sleep(self.looks)
        return self._outcome(node, job, how)

    def _running(self, node: Node) -> SubmittedJob | None:
        """Return the job that was submitted for a node, and that is queued or running.

        One of another machine itself is none: nobody here sees it end. The run's lease lets the one of here wait.
        """
        job = job_of(node.folder)
        if job is None or job.is_elsewhere or self.states.ended(job):
            return None
        self.tell(f"{node.name}: waiting for {job}, submitted before, at {node.folder}")
        return job

    def _submit(self, node: Node, *, for_others: bool) -> SubmittedJob:
        name = "-".join(node.folder.parts[-2:])
        folder = _new_folder(JOBS / name)
        executor = self.options.executor(folder, name=name)
        with SUBMITTING, redirect_stderr(StringIO()):  # the error has what submitit prints of a refusal
            made = executor.submit(NodeJob(node, Path.cwd(), for_others=for_others, reserve=self.reserve))
        job = submitted(self.options.cluster, made.job_id, made.paths.folder)
        job.save(node.folder)
        self.states.forget()
        self.tell(f"{node.name}: submitted as {job}, at {node.folder}; its log: {job.log}")
        return job

    def _ended(self, job: SubmittedJob) -> str:
        """Return how a job has ended, empty while it has not, or is queued again, as where its machine has failed."""
        how = self.states.ended(job)
        if how in ("", OVER) or job.cluster == "local":
            return how
        until = monotonic() + self.patience
        while not job.result.exists() and monotonic() < until:
            with suppress(OSError):  # a change of the folder, by which NFS looks at it anew
                Path(job.folder).chmod(Path(job.folder).stat().st_mode)
            sleep(self.looks)
        self.states.forget()
        return self.states.ended(job)

    def _outcome(self, node: Node, job: SubmittedJob, how: str) -> RunRecord:
        """Return what became of a node, by its job's result or its record; a failure names the job and its log."""
        record = _result(job) if how == OVER else recorded(node.folder)
        if record.status == "done":
            self.tell(f"{node.name}: done by {job}")
            return record
        if how != OVER:
            record = RunRecord(status="failed", error=f"ended as {how}")
        record = replace(record, error=f"{record.error} ({job}: {job.log})")
        self.tell(f"{node.name}: failed: {record.error}")
        return record


def _result(job: SubmittedJob) -> RunRecord:
    """Return what a job has left."""
    try:
        outcome, value = pickle.loads(job.result.read_bytes())  # noqa: S301  written by this suite's own job
    except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        return RunRecord(status="failed", error=said(error))
    if outcome == "success" and isinstance(value, RunRecord):
        return value
    return RunRecord(status="failed", error=first_error(str(value), 1))


def _new_folder(place: Path) -> Path:
    """Return the next folder of submissions: numbers of local jobs come again."""
    number = sum(1 for _ in place.glob("*"))
    while (place / str(number)).exists():
        number += 1
    (place / str(number)).mkdir(parents=True)
    return (place / str(number)).absolute()
