"""Runs a node of the graph once: alone in its folder, from where it was cut off, and keeps what came of it."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from callbacks.run_files import read_json
from datamodules.errors import DataError
from datamodules.whole_file import write_whole
from experiments.cli.first_process import is_first
from experiments.runs.checkpoint_files import whole_checkpoint
from experiments.runs.finished import Looked, lost
from experiments.runs.lease import Lease
from experiments.runs.process import say
from experiments.runs.run_folder import forget_folder, words_in_folder
from experiments.runs.run_graph import Node
from experiments.runs.run_record import RunRecord, begun, collected, recorded, weights_of

GIB = 1 << 30
LOG = "log.txt"
FIGURES = ("history.json", "metrics.json")
Call = Callable[[str, Sequence[str], Path, int], None]
"""Runs a module of the suite with its arguments, a file for its output, and a lease that is to stay held meanwhile."""


class Runner:
    """Runs nodes and keeps their records.

    A node that is finished is not run again; one that was cut off is resumed from its last checkpoint; one that failed
    is tried again, unless it has failed in another process meanwhile. Where another process is at the same run, on
    whatever machine, its end is waited for. Of several processes that train together, the first alone keeps others out
    and writes.

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
        self._leases: dict[Path, Lease] = {}
        self._looked = Looked()

    def look(self, nodes: Iterable[Node]) -> None:
        """Look at what has become of nodes: a failure from now on is another process's, and not tried again."""
        self._looked.look(nodes)

    def run(
        self,
        node: Node,
        *,
        for_others: bool = False,
        again: bool = False,
        by_agent: bool = False,
        waits: bool = True,
    ) -> RunRecord:
        """Run a node, unless that is done and not asked for ``again``, and return what became of it.

        What it depends on is there. ``for_others``: see :func:`is_finished`; ``by_agent``: :func:`words_in_folder`.

        Raises:
            BusyError: If another process is at it, and this one does not wait.
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
        with self._alone(node, waits=waits) as lease:
            record = recorded(node.folder)
            if self._looked.failed_since(node):
                self.tell(f"{node.name}: failed in another process: {record.error}")
                return record
            fresh = again or (record.status == "done" and for_others and bool(lost(node)))
            if fresh or record.status != "done" or (node.evaluates and not record.evaluated):
                record = self._train(node, lease, fresh=fresh, by_agent=by_agent)
                if for_others and is_first() and record.status == "done" and (reason := lost(node)):
                    return replace(record, status="failed", error=reason)
            return self._evaluate(node, record, lease)

    def _train(self, node: Node, lease: Lease, *, fresh: bool, by_agent: bool) -> RunRecord:
        record = begun(node.spec.command())
        try:
            resume = [] if fresh else self._resume(node)
            self._prepare(node, fresh=fresh, resumes=bool(resume))
            if not self._has_figures(node):
                done = "resuming" if resume else "training" if node.trains else "making them"
                self.tell(f"{node.name}: {done} in {node.folder}")
                words = words_in_folder(node, by_agent=by_agent)
                self.call("experiments.train", [*node.spec.words(), *words, *resume], node.folder / LOG, lease.fileno())
            if not is_first():  # which has yet to write what this process would read
                return replace(record, status="done", evaluated=node.evaluates)
            record = collected(record, node.folder, evaluates=node.evaluates)
            record = replace(record, weights=weights_of(node.checkpoint))
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            record = replace(record, status="failed", error=str(error))
        if lease.lost:
            lost_it = f"another process has taken over {node.folder}, as this one was silent"
            return replace(record, status="failed", error=lost_it)
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

    def _evaluate(self, node: Node, record: RunRecord, lease: Lease) -> RunRecord:
        """Make the evaluations that are missing; one that fails leaves the others and the training as they are."""
        wrong: dict[str, str] = {}
        for one in node.evaluations if record.status == "done" else ():
            if one.recalled() is not None:
                continue
            self.tell(f"{node.name}: evaluating by {one.protocol}")
            try:
                one.folder.mkdir(parents=True, exist_ok=True)
                self.call("experiments.evaluate", one.words(), one.folder / LOG, lease.fileno())
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

    def _alone(self, node: Node, *, waits: bool) -> AbstractContextManager[Lease]:
        """Hold a run's folder, after whoever holds it."""
        # beside the folder, which is empty where the run is new
        place = node.folder.with_name(f".{node.folder.name}.lease")
        lease = self._leases.setdefault(node.folder, Lease(place))
        if not is_first():
            return nullcontext(lease)
        waiting = f"{node.name}: waiting for another process at {node.folder}"
        return lease.taken(on_wait=lambda: self.tell(waiting), is_stopping=self.is_stopping, waits=waits)

    def _room(self, node: Node) -> str | None:
        """Return why a run is not started for want of room on the disk."""
        place = next(path.resolve() for path in (node.folder, *node.folder.parents) if path.exists())
        free = shutil.disk_usage(place).free
        if free >= self.reserve:
            return None
        return f"not started: expected {self.reserve / GIB:.1f} GiB free in {place}, got {free / GIB:.1f}"
