"""All that needs a card, in one command of at most eight minutes: tests, training, maps, triplets, loading.

    python -m experiments.benchmarks.gpu_check [--out runs/gpu_check] [--device cuda|cpu] [--small] [--parts tests …]
        [--rows WORDS …] [--seconds 480] [--dry-run] [--commit NAME]

Each part is a process with a time limit of its own and writes its JSON file after each row, so that one that is killed
keeps what it has. Parts that ``--out`` has complete, of the same device, size and ``--rows``, are not repeated, and
none is begun when the time of all is up. ``--rows`` measures only rows whose names, as in "soidn, channels last, 64",
have one of the words. What they print goes to ``gpu_check.log``, a table of all to ``gpu_check.md`` and to the
terminal. Exit status 1 says that a part or a row of one failed.
On a CPU, in small: ``--device=cpu --small``.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch

from callbacks.run_files import read_json
from datamodules.whole_file import write_whole
from experiments.benchmarks.gpu_parts import PARTS
from experiments.benchmarks.gpu_rows import table
from experiments.cli.arguments import Parser, check_writable
from experiments.cli.user_errors import UserError
from experiments.cli.user_errors import main as run_command
from experiments.runs.run_record import commit

LOG = "gpu_check.log"
LIMIT = 480
"""Seconds of all parts."""
GRACE = 25
"""Seconds that a part has to start, beside its own: the first may have all libraries to compile."""
LEAST = 5
"""Seconds that a part is begun for."""


def main(args: Sequence[str]) -> None:
    """Run the parts that are not done and print the table.

    Raises:
        UserError: If there is no such device, or something failed.
    """
    options = _parse(args)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("Expected a CUDA device, got none; in small on a CPU: --device=cpu --small")
    done = [name for name in options.parts if (found := result(options, name)) and found["complete"]]
    left = [name for name in options.parts if name not in done]
    print(f"done before: {', '.join(done) or 'nothing'}", flush=True)
    if options.dry_run:
        for name in left:
            print(f"{name}: {shlex.join(command(options, name, PARTS[name].limit))}")
        return
    check_writable(options.out, "results")
    end = time.monotonic() + options.seconds
    failed = {name: why for name in left if (why := run_part(options, name, end - time.monotonic()))}
    _show(options, failed)


def result(options: argparse.Namespace, name: str) -> Any:
    """Return what ``--out`` has of a part on the same device and of the same size, ``None`` where that is nothing."""
    found = read_json(options.out / f"{name}.json")
    asked = (options.device, options.small, options.rows)
    same = isinstance(found, dict) and (found["device"], found["small"], found.get("chosen", [])) == asked
    return found if same else None


def command(options: argparse.Namespace, name: str, limit: float) -> list[str]:
    """Return what runs a part within ``limit`` seconds."""
    file, small = options.out / f"{name}.json", ["--small"] * options.small
    words = [f"--out={file}", f"--device={options.device}", f"--limit={limit:.0f}", f"--commit={options.commit}"]
    chosen = ["--rows", *options.rows] if options.rows else []
    return [sys.executable, "-m", "experiments.benchmarks.gpu_parts", name, *words, *small, *chosen]


def run_part(options: argparse.Namespace, name: str, left: float) -> str | None:
    """Run a part within its time and the ``left`` seconds, and return why it failed, if it did."""
    limit = min(PARTS[name].limit, left - GRACE)
    if limit < LEAST:
        return "not begun: no time"
    began = time.monotonic()
    with (options.out / LOG).open("a", encoding="utf-8") as log:
        print(f"\n{name}", file=log, flush=True)
        status = run_within(limit + GRACE, command(options, name, limit), log)
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    found = result(options, name)
    if found and found["complete"]:
        return None  # however long the process took to end
    if status is None:
        return f"killed after {limit + GRACE:.0f} s"
    return f"exit status {status}" if status else None


def run_within(limit: float, words: Sequence[str], log: IO[str]) -> int | None:
    """Run a command and return its exit status, ``None`` if it had to be killed after ``limit`` seconds."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}  # many starts
    process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, env=kept, start_new_session=True)  # noqa: S603  our own command line
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):  # its loading processes too
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _show(options: argparse.Namespace, failed: Mapping[str, str]) -> None:
    """Write and print the table of what there is.

    Raises:
        UserError: If a part failed, or a row of one.
    """
    found = [one for name in PARTS if (one := result(options, name))]
    text = table(found, shlex.join(["python", "-m", "experiments.benchmarks.gpu_check", *options.given]))
    write_whole(options.out / "gpu_check.md", text)
    print(f"\n{text}")
    rows = sum(one["failed"] for one in found)
    if failed or rows:
        parts = "".join(f"; {name}: {why}" for name, why in failed.items())
        raise UserError(
            f"Expected all to be measured, got {rows} rows without a result{parts}; see {options.out / LOG}"
        )


def _parse(args: Sequence[str]) -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/gpu_check"))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="everything in miniature, to see that it works")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rows", nargs="+", default=[], metavar="WORDS", help="only rows that have one in their names")
    parser.add_argument("--seconds", type=float, default=LIMIT, help="of all parts")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run")
    parser.add_argument("--commit", default=commit(), help="what is measured, where git cannot tell")
    return parser.parse_args(args, argparse.Namespace(given=list(args)))


if __name__ == "__main__":
    run_command(main)
