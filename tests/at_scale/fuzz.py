"""Readers on damaged, odd and hostile files: ``python -m tests.at_scale.fuzz --mutations 100000 --seed 0``.

Each case is a function of (seed, kind, number): a good file of one kind with a few changes. It must be read, or be
refused in one line by an error that is documented, within ``--seconds`` and ``--megabytes``; nothing may be written,
run, imported or connected to. Cases run in processes of their own, so that a crash is found as well.
"""

import logging
import multiprocessing
import os
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from datamodules.errors import DataError
from experiments.cli.arguments import Parser, count
from experiments.cli.user_errors import main as run_command
from tests.at_scale.fuzzed_files import Files, FuzzedFile, fuzzed_files
from tests.at_scale.watching import limited, watched

CHUNK = 2000
LONGEST_MESSAGE = 4000
READ, REFUSED = "read", "refused"


@dataclass(frozen=True)
class Finding:
    """A case that is neither read nor refused as it should be."""

    kind: str
    number: int
    what: str


def cases(mutations: int, seed: int, files: dict[str, FuzzedFile]) -> list[tuple[str, int]]:
    """Return kind and number of every case, kinds by their weight."""
    weights = np.array([file.weight for file in files.values()])
    kinds = np.random.default_rng((seed, 0xF022)).choice(len(files), size=mutations, p=weights / weights.sum())
    names, counts = list(files), Counter[str]()
    drawn = []
    for kind in kinds.tolist():
        drawn.append((names[kind], counts[names[kind]]))
        counts[names[kind]] += 1
    return drawn


def write(files: Files, folder: Path) -> None:
    """Write files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def run_case(
    kind: str, number: int, seed: int, file: FuzzedFile, root: Path, *, seconds: float = 10, megabytes: int = 1024
) -> str | Finding:
    """Read one changed file in ``root/case``, where ``root`` is an empty folder; return its outcome."""
    files = file.changed(np.random.default_rng((seed, zlib.crc32(kind.encode()), number)))
    write(files, root / "case")
    with watched() as seen, limited(seconds, megabytes):
        outcome = _outcome(file, root / "case")
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    seen += [f"a file {name}" for name in sorted(there ^ {f"case/{name}" for name in files})]
    for name in there:
        (root / name).unlink()  # folders stay: to remove them takes longer than all the rest
    what = "; ".join(seen) if outcome in (READ, REFUSED) else outcome
    return Finding(kind, number, what) if what else outcome


def _outcome(file: FuzzedFile, folder: Path) -> str:
    refusals: tuple[type[Exception], ...] = (DataError, *file.refusals)
    try:
        file.read(folder)
    except refusals as error:
        message = str(error)
        lines, length = len(message.splitlines()), len(message)
        return (
            REFUSED if lines == 1 and length <= LONGEST_MESSAGE else f"{lines} lines, {length} characters: {message!r}"
        )
    except TimeoutError as error:
        return f"too slow: {error}"
    except BaseException as error:
        return f"{type(error).__module__}.{type(error).__name__}: {error}"[:500]
    return READ


def _work(
    todo: Sequence[tuple[str, int]], seed: int, files: dict[str, FuzzedFile], limits: dict[str, Any], pipe: Any
) -> None:
    """Run cases and send what comes of each."""
    os.nice(10)
    logging.disable(logging.WARNING)
    os.close(2)
    os.open(os.devnull, os.O_WRONLY)  # libraries in C complain there, of every image
    with TemporaryDirectory() as folder:
        for kind, number in todo:
            pipe.send(run_case(kind, number, seed, files[kind], Path(folder), **limits))


def read_good(files: dict[str, FuzzedFile]) -> None:
    """Read a good file of each kind, so that what is imported when first needed is there.

    Raises:
        DataError: If one is refused, or whatever its kind's readers raise.
    """
    for file in files.values():
        with TemporaryDirectory() as folder:
            write(file.files, Path(folder))
            file.read(Path(folder))


def run(
    todo: Sequence[tuple[str, int]], seed: int, files: dict[str, FuzzedFile], **limits: Any
) -> Iterator[str | Finding]:
    """Yield what comes of each case, in processes that are replaced when they die."""
    context, done = multiprocessing.get_context("fork"), 0
    while done < len(todo):
        ours, theirs = context.Pipe(duplex=False)
        chunk = todo[done : done + CHUNK]
        worker = context.Process(target=_work, args=(chunk, seed, files, limits, theirs), daemon=True)
        worker.start()
        theirs.close()
        for kind, number in chunk:
            done += 1
            try:
                if not ours.poll(60 + 2 * limits.get("seconds", 10)):
                    raise EOFError
                yield ours.recv()
            except EOFError:
                worker.kill()
                worker.join()
                yield Finding(kind, number, f"the process died or hung (exit status {worker.exitcode})")
                break
        worker.join()


def main() -> int:
    """Print how many cases of each kind were read and refused, and each finding; 1 if there is one."""
    parser = Parser(description=__doc__)
    parser.add_argument("--mutations", type=count, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10, help="that a case may take")
    parser.add_argument("--megabytes", type=count, default=1024, help="that a case may take")
    parser.add_argument("--kinds", nargs="*", help="only these")
    options = parser.parse_args()
    files = {kind: file for kind, file in fuzzed_files().items() if not options.kinds or kind in options.kinds}
    read_good(files)
    todo = cases(options.mutations, options.seed, files)
    counts, findings = Counter[tuple[str, str]](), list[Finding]()
    limits = {"seconds": options.seconds, "megabytes": options.megabytes}
    for (kind, _), outcome in zip(todo, run(todo, options.seed, files, **limits), strict=True):
        counts[kind, outcome if isinstance(outcome, str) else "found"] += 1
        if isinstance(outcome, Finding):
            findings.append(outcome)
            print(f"{outcome.kind} {outcome.number}: {outcome.what}", flush=True)
    print("kind".ljust(28), *(name.rjust(8) for name in (READ, REFUSED, "found")))
    for kind in files:
        print(kind.ljust(28), *(f"{counts[kind, name]:8,}" for name in (READ, REFUSED, "found")))
    print(f"{len(todo):,} mutations, {len(findings):,} findings")
    return min(len(findings), 1)


if __name__ == "__main__":
    run_command(lambda _: sys.exit(main()))
