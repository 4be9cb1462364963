"""Runs jobs, each in a process of its own, as many at a time as there is room for."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from threading import Lock
from time import sleep

import torch

from callbacks.run_files import read_json
from datamodules.errors import DataError
from datamodules.whole_file import write_whole
from experiments.checkpoint_files import whole_checkpoint
from experiments.commands import first_error, sigterm_interrupts, try_lock
from experiments.reproduction.plan import LAST, Job, python
from experiments.reproduction.records import Run, commit, hardware, versions

GIB = 1 << 30


class StoppedError(Exception):
    """The reproduction has been asked to stop."""


class Runner:
    """Runs jobs and keeps their records.

    A job whose record says that it is done is not run again; one that was cut off goes on from its last checkpoint; one
    that failed is tried again. A failure stops those that go on from it, and no others. Where another process is at the
    same job, such as one left by a reproduction that was killed, its end is waited for.

    Args:
        parallel: Jobs run at a time.
        reserve: Bytes that must be free on the disk before a job is started.
        tell: Is told what happens, line by line.
    """

    def __init__(self, *, parallel: int, reserve: int, tell: Callable[[str], None] = print) -> None:
        self.parallel = parallel
        self.reserve = reserve
        self.tell = tell
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()
        self._stopping = False

    def run(self, jobs: Sequence[Job]) -> Iterator[Run]:
        """Yield the run of every job as it ends, in whatever order."""
        by_folder = {job.folder: job for job in jobs}
        ended: dict[Path, Run] = {}
        graph: TopologicalSorter[Path] = TopologicalSorter({job.folder: job.needs for job in jobs})
        graph.prepare()
        with ThreadPoolExecutor(self.parallel) as pool, self._stopped_by_signal():
            working: dict[Future[Run], Path] = {}
            while graph.is_active():
                for folder in graph.get_ready():
                    job = by_folder[folder]
                    working[pool.submit(self._run, job, [ended[need] for need in job.needs])] = folder
                done, _ = wait(working, return_when=FIRST_COMPLETED)
                for future in done:
                    folder = working.pop(future)
                    ended[folder] = future.result()
                    yield ended[folder]
                    graph.done(folder)

    def _run(self, job: Job, needed: Sequence[Run]) -> Run:
        if self._stopping:
            return replace(job.run, error="stopped")
        if job.is_finished():
            return job.recalled()
        failed = [run.row for run in needed if run.status != "done"]
        if failed:
            return replace(job.run, error=f"goes on from {failed[0]}, which is not there")
        name = f"{job.run.row}, seed {job.run.seed}"
        free = shutil.disk_usage(_existing(job.folder)).free
        if free < self.reserve:
            expected = f"expected {self.reserve / GIB:.1f} GiB free in {_existing(job.folder)}, got {free / GIB:.1f}"
            self._say(f"{name}: not started: {expected}")
            return replace(job.run, error=f"not started: {expected}")
        return self._do(job, name)

    def _do(self, job: Job, name: str) -> Run:
        stem = replace(job.run, commit=commit(), hardware=hardware(), versions=versions())
        try:
            job.folder.mkdir(parents=True, exist_ok=True)
            with self._alone(job.folder, name) as lock:
                run = job.run.recalled()
                if run.status != "done":
                    run = self._train(job, name, stem, lock)
                    run.save()
                    told = f"{run.seconds:.0f} s of training" if run.status == "done" else f"failed: {run.error}"
                    self._say(f"{name}: {told}")
                return self._evaluate(job, run, name, lock)
        except StoppedError:
            return replace(stem, error="stopped")

    def _train(self, job: Job, name: str, stem: Run, lock: int) -> Run:
        resume = self._resume(job, name)
        self._say(f"{name}: {'going on' if resume else 'training'} in {job.folder}")
        try:
            for copy, original in job.copies.items():
                if not (resume and copy.exists()):
                    write_whole(copy, original.read_bytes())
            if not all(read_json(job.folder / name) for name in ("history.json", "metrics.json")):
                self._call(job.folder, "experiments.train", [*job.train, *resume], "log.txt", lock)
            return _collected(stem)
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            return replace(stem, status="failed", error=str(error))

    def _evaluate(self, job: Job, run: Run, name: str, lock: int) -> Run:
        """Make the evaluations that are missing; one that fails leaves the others and the training as they are."""
        wrong: dict[str, str] = {}
        for one in job.evaluations if run.status == "done" else ():
            if one.recalled() is not None:
                continue
            self._say(f"{name}: evaluating by {one.protocol}")
            try:
                one.folder.mkdir(parents=True, exist_ok=True)
                self._call(one.folder, "experiments.evaluate", one.args, "log.txt", lock)
                one.keep()
            except (RuntimeError, OSError, ValueError) as error:
                wrong[one.protocol] = str(error)
                self._say(f"{name}: evaluation by {one.protocol} failed: {error}")
        return job.evaluated(run, wrong)

    def _resume(self, job: Job, name: str) -> list[str]:
        """Return the option that lets a run go on from its last whole checkpoint; none where there is no such."""
        last = job.folder / LAST
        if not last.exists():
            return []
        try:
            whole = whole_checkpoint(last)
        except DataError as error:
            self._say(f"{name}: {error}; training it anew")
            return []
        if whole != last:
            self._say(f"{name}: {last} is damaged; going on from {whole}, the one before")
        return [f"--ckpt_path={whole}"]

    @contextmanager
    def _alone(self, folder: Path, name: str) -> Iterator[int]:
        """Hold a run's folder, after whoever holds it, and yield the lock.

        Raises:
            StoppedError: If the reproduction was stopped meanwhile.
        """
        with (folder / "lock").open("w") as lock:
            if not try_lock(lock):
                self._say(f"{name}: waiting for another process at {folder}")
                while not try_lock(lock):
                    if self._stopping:
                        raise StoppedError
                    sleep(0.2)
            yield lock.fileno()

    def _call(self, folder: Path, module: str, args: Sequence[str], log: str, lock: int) -> None:
        """Run a command of the suite; its output goes to a file, and the lock stays held as long as it lives.

        Raises:
            RuntimeError: If it fails, with the first line of its error.
            StoppedError: If the reproduction was stopped meanwhile.
        """
        with (folder / log).open("ab") as output:
            begin = output.tell()
            with self._lock:
                if self._stopping:
                    raise StoppedError
                process = subprocess.Popen(  # noqa: S603  the suite's own command
                    python(module, args),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment(),
                    pass_fds=[lock],
                )
                self._processes.add(process)
        status = process.wait()
        with self._lock:
            self._processes.discard(process)
            if self._stopping:
                raise StoppedError
        if status != 0:
            text = (folder / log).read_bytes()[begin:].decode(errors="replace")
            raise RuntimeError(first_error(text, status))

    def _say(self, line: str) -> None:
        with self._lock:  # lines of several threads stay apart
            self.tell(line)

    def _environment(self) -> Mapping[str, str]:
        """Return a job's environment: on a processor one thread each, so that their number changes no result."""
        suite = str(Path(__file__).parent.parent.parent)
        path = os.pathsep.join(filter(None, (suite, os.environ.get("PYTHONPATH"))))
        threads = {} if torch.cuda.is_available() else {"OMP_NUM_THREADS": "1"}
        return {**os.environ, "PYTHONPATH": path, **threads}

    @contextmanager
    def _stopped_by_signal(self) -> Iterator[None]:
        """End the jobs with this process, whether it is interrupted or terminated."""
        with sigterm_interrupts():
            try:
                yield
            except BaseException:
                with self._lock:
                    self._stopping = True
                    for process in self._processes:
                        process.terminate()
                raise


def _collected(run: Run) -> Run:
    """Return the run with what its training measured: at its end, and in its last epoch."""
    folder = Path(run.folder)
    history: list[dict[str, float]] = read_json(folder / "history.json")
    metrics = read_json(folder / "metrics.json")
    if not history or not metrics:
        raise ValueError(f"{folder}: expected history.json and metrics.json of a training, got none or damaged ones")
    last = {name: value for name, value in history[-1].items() if "/" in name}
    measures = {name: value for name, value in {**last, **metrics["metrics"]}.items() if value is not None}
    return replace(run, status="done", measures=measures, history=history, seconds=history[-1]["seconds"])


def _existing(path: Path) -> Path:
    return next(parent.resolve() for parent in (path, *path.parents) if parent.exists())
