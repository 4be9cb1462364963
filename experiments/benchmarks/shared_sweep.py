"""Workers of one sweep on a PostgreSQL server of their own, which is killed in mid-sweep and started again.

    python -m experiments.benchmarks.shared_sweep [--workers 3] [--trials 24] [--seconds 0.5] [--file FOLDER/x.journal]

Trials are short: each waits and returns a function of its values. One worker is killed too; its trial is taken up. Told
at the end: whether every trial is there once, how the workers ended, and how long a trial waited for the study. With
``--file`` the study is in a journal file, and only the worker is killed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarks.postgres_server import PostgresServer
from experiments.cli.arguments import Parser, count
from experiments.cli.user_errors import UserError, main
from experiments.runs.process import python
from experiments.sweeping import study_storage
from experiments.sweeping.local import SweepTrial
from experiments.sweeping.shared import run_shared
from experiments.sweeping.sweep_file import read_sweep

SWEEP = """
method: random
metric: {name: test/rank1/none, goal: maximize}
command: [-m, experiments.launch, trunk]
parameters: {rate: {min: 0.0, max: 1.0}, depth: {values: [1, 2, 3]}}
"""
SILENCE = 1
"""Seconds between signs of life here: four of them take up a killed worker's trial."""


def shared_sweep(args: Sequence[str]) -> None:
    """Run workers, kill one and the database, start both again, and say what became of the trials."""
    options = parse(args)
    if options.worker:
        work(options)
        return
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as data:
        sweep = Path(place) / "short.yaml"
        sweep.write_text(SWEEP)
        if options.file:
            disturbed(options, sweep, str(options.file), None)
            return
        server = PostgresServer(Path(data))
        server.start()
        try:
            disturbed(options, sweep, server.url, server)
        finally:
            server.kill()


def disturbed(options: argparse.Namespace, sweep: Path, where: str, server: PostgresServer | None) -> None:
    """Run the sweep with a kill in the middle; every worker is started again until it ends well."""
    begun = time.monotonic()
    workers = [start(options, sweep, where) for _ in range(options.workers)]
    time.sleep(options.seconds * options.trials / options.workers / 3 + 10)  # their start included
    workers[0].kill()
    print(f"A worker of {options.workers} was killed after {time.monotonic() - begun:.0f} s")
    if server is not None:
        server.kill()
        print("The server was killed; what the other workers said:")
        for worker in workers[1:]:
            print(f"  exit status {worker.wait(300)}: {_last_line(worker)}")
        server.start()
        print("The server was started again, and all workers")
        workers = [start(options, sweep, where) for _ in range(options.workers)]
    else:
        workers[0] = start(options, sweep, where)
    statuses = [worker.wait(600) for worker in workers]
    print(f"Exit statuses: {statuses}, after {time.monotonic() - begun:.0f} s in all")
    print(_last_line(workers[-1]))


def start(options: argparse.Namespace, sweep: Path, where: str) -> "subprocess.Popen[str]":
    """Start a worker; what it says is read at its end."""
    given = [f"--worker={where}", f"--sweep={sweep}", f"--trials={options.trials}", f"--seconds={options.seconds}"]
    words = python("experiments.benchmarks.shared_sweep", given)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603  own words


def work(options: argparse.Namespace) -> None:
    """Work on the study as one of its workers, and say what is in it in the end."""
    study_storage.BEAT = SILENCE
    waited, last = list[float](), time.monotonic()

    def run(number: int, values: Mapping[str, Any]) -> SweepTrial:
        nonlocal last
        waited.append(time.monotonic() - last)
        time.sleep(options.seconds)
        last = time.monotonic()
        return SweepTrial(number, values, values["rate"] / values["depth"], f"runs/{number}")

    found = run_shared(read_sweep(options.sweep), run, options.trials, settings="short", where=options.worker)
    numbers = [trial.number for trial in found]
    whole = numbers == list(range(options.trials)) and all(
        trial.result == trial.values["rate"] / trial.values["depth"] for trial in found
    )
    if not whole:
        raise UserError(f"expected trials 0 to {options.trials - 1} once each, got {numbers}")
    between = sorted(waited)[len(waited) // 2] if waited else 0.0
    print(f"All {len(numbers)} trials are there once; {len(waited)} here, {between:.2f} s between two (median)")


def parse(args: Sequence[str]) -> argparse.Namespace:
    """Read the options."""
    parser = Parser(prog="python -m experiments.benchmarks.shared_sweep", description=__doc__)
    parser.add_argument("--workers", type=count, default=3)
    parser.add_argument("--trials", type=count, default=24)
    parser.add_argument("--seconds", type=float, default=0.5, help="that a trial takes")
    parser.add_argument("--file", type=Path, help="journal file, in the place of PostgreSQL")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--sweep", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(args)


def _last_line(worker: "subprocess.Popen[str]") -> str:
    said = worker.stdout.read().strip() if worker.stdout is not None else ""
    return said.splitlines()[-1] if said else "nothing"


if __name__ == "__main__":
    main(shared_sweep, sys.argv[1:])
