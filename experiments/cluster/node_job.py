"""What a job does: one node of the graph, which it leaves resumable when its time is up or another takes its place."""

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from signal import SIG_BLOCK, SIGUSR1, SIGUSR2, pthread_sigmask
from time import sleep
from typing import TYPE_CHECKING, Any

from experiments.runs.process import Processes, StoppedError
from experiments.runs.run_graph import Node
from experiments.runs.run_record import RunRecord
from experiments.runs.runner import Runner

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

NOT_LIGHTNINGS = {"SLURM_JOB_NAME": "interactive"}
"""Lets Lightning start a training's processes itself, as it does outside SLURM, whose job here is of one process."""
ENDED_BY_SLURM = 3600
"""Seconds that a job waits to be ended by who has sent SIGTERM to all of its processes."""


class NodeJob:
    """Runs a node in a job, as :class:`Runner` does; submitit calls it.

    Submitit's signal, USR2, says that time is nearly up or another job takes the place: the training is then asked to
    end by SIGTERM, which it does after the batch in progress with a checkpoint, and the job is queued again. SIGTERM to
    all processes of the job comes before SLURM ends it by force, to queue it again or for good: it is waited for.

    Args:
        node: What is run.
        folder: Where ``runs`` is.
        for_others: Whether others start from what it leaves, which must then be as it was left.
        reserve: Bytes that must be free on the disk before a run is started.
    """

    def __init__(self, node: Node, folder: Path, *, for_others: bool, reserve: int) -> None:
        self.node, self.folder, self.for_others, self.reserve = node, folder, for_others, reserve
        self._processes: Processes | None = None
        self._run: Future[RunRecord] | None = None

    def __call__(self) -> RunRecord:
        """Run it, and return what became of it."""
        os.chdir(self.folder)
        self._processes = processes = Processes(stops_on_sigterm=True)
        call = partial(processes.call, environment=NOT_LIGHTNINGS)
        runner = Runner(call, reserve=self.reserve, is_stopping=lambda: processes.stopping)
        with ThreadPoolExecutor(1, initializer=_keep_signals_from_others) as pool:
            self._run = pool.submit(runner.run, self.node, for_others=self.for_others)
            try:
                return self._run.result()
            except StoppedError:
                sleep(ENDED_BY_SLURM)
                raise

    def checkpoint(self) -> "DelayedSubmission":
        """End the training, which saves, and return what goes on from there."""
        from submitit.helpers import DelayedSubmission  # noqa: PLC0415  is loaded where this is called

        if self._processes is not None and self._run is not None:
            self._processes.stop()
            wait([self._run])
        return DelayedSubmission(NodeJob(self.node, self.folder, for_others=self.for_others, reserve=self.reserve))

    def __getstate__(self) -> dict[str, Any]:
        """Return what is to be done, without what is being done."""
        return {**self.__dict__, "_processes": None, "_run": None}


def _keep_signals_from_others() -> None:
    """Let what this thread starts not be ended by the signal for the job, which SLURM sends to all its processes."""
    pthread_sigmask(SIG_BLOCK, {SIGUSR1, SIGUSR2})
