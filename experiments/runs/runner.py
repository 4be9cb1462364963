"""Runs a node of the graph once: alone in its folder, from where it was cut off, and keeps what came of it."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from time import sleep

from callbacks.run_files import read_json
from datamodules.errors import DataError
from datamodules.seams.occlusion_map_file import OcclusionMap
from datamodules.whole_file import write_whole
from experiments.cli.first_process import is_first
from experiments.runs.checkpoint_files import whole_checkpoint
from experiments.runs.process import StoppedError, say, try_lock
from experiments.runs.run_folder import forget_folder, words_in_folder
from experiments.runs.run_graph import MAPS, Node
from experiments.runs.run_record import RunRecord, begun, collected, recorded, weights_of

GIB = 1 << 30
LOG = "log.txt"
FIGURES = ("history.json", "metrics.json")
Call = Callable[[str, Sequence[str], Path, int], None]
"""Runs a module of the suite with its arguments, a file for its output, and a lock that is to stay held meanwhile."""


def is_finished(node: Node, *, for_others: bool = False) -> bool:
    """Whether nothing is left to do; ``for_others`` that start from it, its weights or maps must be as it left them."""
    record = recorded(node.folder)
    done = record.status == "done" and (record.evaluated or not node.evaluates)
    return done and all(one.recalled() is not None for one in node.evaluations) and not (for_others and lost(node))


def lost(node: Node) -> str:
    """Return what is wrong with what a finished run has left for others, empty where nothing is."""
    if node.trains:
        found = weights_of(node.checkpoint)
        expected = recorded(node.folder).weights
        return "" if found and found == expected else f"{node.checkpoint}: expected the weights that it was trained to"
    try:
        maps = [OcclusionMap.load(path) for path in sorted((node.folder / MAPS).glob("*.npz"))]
    except DataError as error:
        return str(error)
    return "" if maps else f"{node.folder / MAPS}: expected maps, found none"


class Runner:
    """Runs nodes and keeps their records.

    A node that is finished is not run again; one that was cut off is resumed from its last checkpoint; one that failed
    is tried again. Where another process is at the same run, its end is waited for. Of several processes that train
    together, the first alone keeps others out and writes.

    Args:
        call: Runs one of the suite's commands.
        reserve: Bytes that must be free on the disk before a run is started.
        tell: Is told what happens, line by line.
        is_stopping: Whether no further run is to begin.
    """

    def __init__(
        self,
        call: Call,
        *,
        reserve: int = 0,
        tell: Callable[[str], None] = say,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.call, self.reserve, self.tell, self.is_stopping = call, reserve, tell, is_stopping

    def run(self, node: Node, *, for_others: bool = False, again: bool = False, by_agent: bool = False) -> RunRecord:
        """Run a node, unless that is done and not asked for ``again``, and return what became of it.

        What it depends on is there. ``for_others``: see :func:`is_finished`; ``by_agent``: :func:`words_in_folder`.

        Raises:
            StoppedError: If this process was asked to stop meanwhile.
        """
        if node.trial:
            self.call("experiments.train", node.spec.words(), Path(), -1)
            return RunRecord()
        if (short := self._room(node)) is not None:
            self.tell(f"{node.name}: {short}")
            return RunRecord(error=short)
        if is_first():
            node.folder.mkdir(parents=True, exist_ok=True)
        with self._alone(node) if is_first() else nullcontext(-1) as lock:
            record = recorded(node.folder)
            fresh = again or (record.status == "done" and for_others and bool(lost(node)))
            if fresh or record.status != "done" or (node.evaluates and not record.evaluated):
                record = self._train(node, lock, fresh=fresh, by_agent=by_agent)
                if for_others and is_first() and record.status == "done" and (reason := lost(node)):
                    return replace(record, status="failed", error=reason)
            return self._evaluate(node, record, lock)

    def _train(self, node: Node, lock: int, *, fresh: bool, by_agent: bool) -> RunRecord:
        record = begun(node.spec.command())
        try:
            resume = [] if fresh else self._resume(node)
            self._prepare(node, fresh=fresh, resumes=bool(resume))
            if not self._has_figures(node):
                done = "resuming" if resume else "training" if node.trains else "making them"
                self.tell(f"{node.name}: {done} in {node.folder}")
                words = words_in_folder(node, by_agent=by_agent)
                self.call("experiments.train", [*node.spec.words(), *words, *resume], node.folder / LOG, lock)
            if not is_first():  # which has yet to write what this process would read
                return replace(record, status="done", evaluated=node.evaluates)
            record = collected(record, node.folder, evaluates=node.evaluates)
            record = replace(record, weights=weights_of(node.checkpoint))
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            record = replace(record, status="failed", error=str(error))
        forget_folder(node)
        record.save(node.folder)
        told = f"{record.seconds:.0f} s of training" if record.status == "done" else f"failed: {record.error}"
        if node.trains or record.status == "failed":
            self.tell(f"{node.name}: {told}")
        return record

    def _prepare(self, node: Node, *, fresh: bool, resumes: bool) -> None:
        if not is_first():
            return
        if fresh:
            self.tell(f"{node.name}: not the one that was run before: {lost(node) or 'it is asked for again'}")
            for name in FIGURES:
                (node.folder / name).unlink(missing_ok=True)
        for copy, original in node.copies.items():
            if not (resumes and copy.exists()):
                write_whole(copy, original.read_bytes())

    def _has_figures(self, node: Node) -> bool:
        """Whether the run has ended, though its record does not say so."""
        wanted = FIGURES if node.evaluates else FIGURES[:1]
        return all(read_json(node.folder / name) for name in wanted)

    def _evaluate(self, node: Node, record: RunRecord, lock: int) -> RunRecord:
        """Make the evaluations that are missing; one that fails leaves the others and the training as they are."""
        wrong: dict[str, str] = {}
        for one in node.evaluations if record.status == "done" else ():
            if one.recalled() is not None:
                continue
            self.tell(f"{node.name}: evaluating by {one.protocol}")
            try:
                one.folder.mkdir(parents=True, exist_ok=True)
                self.call("experiments.evaluate", one.words(), one.folder / LOG, lock)
                one.keep()
            except (RuntimeError, OSError, ValueError) as error:
                wrong[one.protocol] = str(error)
                self.tell(f"{node.name}: evaluation by {one.protocol} failed: {error}")
        return replace(record, unevaluated=wrong)

    def _resume(self, node: Node) -> list[str]:
        """Return the option that resumes a training from its last whole checkpoint; none where there is no such."""
        if not (node.trains and node.checkpoint.exists()):
            return []
        try:
            whole = whole_checkpoint(node.checkpoint)
        except DataError as error:
            self.tell(f"{node.name}: {error}; training it anew")
            return []
        if whole != node.checkpoint:
            self.tell(f"{node.name}: {node.checkpoint} is damaged; resuming from {whole}, the one before")
        return [f"--ckpt_path={whole}"]

    @contextmanager
    def _alone(self, node: Node) -> Iterator[int]:
        """Hold a run's folder, after whoever holds it, and yield the lock."""
        # beside the folder, which is empty where the run is new
        with node.folder.with_name(f".{node.folder.name}.lock").open("w") as lock:
            if not try_lock(lock):
                self.tell(f"{node.name}: waiting for another process at {node.folder}")
                while not try_lock(lock):
                    if self.is_stopping():
                        raise StoppedError
                    sleep(0.2)
            yield lock.fileno()

    def _room(self, node: Node) -> str | None:
        """Return why a run is not started for want of room on the disk."""
        place = next(path.resolve() for path in (node.folder, *node.folder.parents) if path.exists())
        free = shutil.disk_usage(place).free
        if free >= self.reserve:
            return None
        return f"not started: expected {self.reserve / GIB:.1f} GiB free in {place}, got {free / GIB:.1f}"
