"""Reproduce a paper's tables and figures: rows × seeds, each an ordinary run, and a report of all.

    python -m experiments.reproduce soidn occlusion_maps [--seeds 0 1 2] [--rows trunk baseline …] [--quick] [--dry-run]
                                    [--data FOLDER] [--scale demo|paper] [--weights FILE] [--alignment arcface|lfw]
                                    [--lfw FOLDER] [--ar FOLDER] [--jobs N] [--key=value …]
                                    [--cluster local|slurm [--option KEY=VALUE …]]

Names are those of files in ``experiments/tables``; a path names a file of one's own. Runs are kept in
``runs/<system>/<digest>``, where those of ``make train-…`` and of sweeps are too: what is finished is not run again, a
row that was cut off is resumed. Further options override keys of all configurations. Written for each name:
``runs/reproduce/<name>/report.html``, of the rows asked for and of those that were done before.
"""

import argparse
import math
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.cli import UserError, main
from experiments.cli.arguments import Parser
from experiments.cli.shown_table import show_table
from experiments.cluster.cluster_runner import ClusterRunner
from experiments.cluster.job_options import JobOptions, add_job_options, job_options
from experiments.options import add_data_options, chosen_setting
from experiments.reproduction.asked_rows import AskedRows, refuse_missing, show
from experiments.reproduction.console import WIDTH, console
from experiments.reproduction.drawings import draw_missing
from experiments.reproduction.paper_file import own, report_of
from experiments.reproduction.paper_runs import real_protocols
from experiments.reproduction.report import write_report
from experiments.runs.process import Processes
from experiments.runs.run_record import RunRecord
from experiments.runs.run_schedule import Runs, run_all
from experiments.runs.runner import GIB, Runner

MOST_JOBS = 8  # a run takes up to 2 GiB
MOST_SUBMITTED = 64  # each is a thread that waits


def reproduce(args: Sequence[str]) -> None:
    """Run what is missing and write a report for each paper.

    Raises:
        UserError: If an option or a file is wrong, before anything is run; or if rows failed, at the end.
    """
    options, overrides = parse(args)
    jobs = job_options(options.cluster, options.option)
    setting = chosen_setting(options, overrides, shared=tuple)
    asked = AskedRows(options.names, seeds=options.seeds, rows=options.rows, quick=options.quick)
    asked.plan(setting, list(real_protocols(options.lfw, options.ar)))
    if options.dry_run:
        show(asked)
        if jobs is not None:
            print(
                f"Each run would be a job of {jobs}, after what it depends on, {at_a_time(options)} at a time at most"
            )
        return
    for path in asked.files.values():
        own(path)
    ended = run_missing(asked, options, jobs)
    command = shlex.join(["python", "-m", "experiments.reproduce", *args])
    for name in asked.papers:
        shown, runs = asked.found(name, ended)
        draw_missing(shown, runs)
        write_report(shown, runs, report_of(name), scale=setting.scale, command=command)
        for table in console(shown, runs):
            show_table(table, width=WIDTH)
        print(f"Report: {report_of(name)}")
    refuse_missing([row.outcome(ended) for row in asked.wanted()])


def run_missing(asked: AskedRows, options: argparse.Namespace, jobs: JobOptions | None) -> dict[Path, RunRecord]:
    """Run what is left, here or in jobs, and return what became of it by folder."""
    processes = Processes()
    how: dict[str, Any] = {"reserve": int(options.reserve * GIB), "is_stopping": lambda: processes.stopping}
    runner: Runs = Runner(processes.call, **how) if jobs is None else ClusterRunner(jobs, **how)
    nodes = [node for row in asked.wanted() for node in row.nodes()]
    try:
        ended = run_all(asked.graph, nodes, runner, processes, parallel=at_a_time(options))
        return {node.folder: record for node, record in ended}
    except KeyboardInterrupt:
        go_on = "" if jobs is None else "; jobs that were submitted go on"
        raise UserError(f"stopped{go_on}; the same command resumes") from None


def at_a_time(options: argparse.Namespace) -> int:
    """Return how many runs go at a time: all GPUs are one run's, a processor's cores one's each, SLURM's many."""
    if options.jobs or options.cluster == "slurm":
        return int(options.jobs or MOST_SUBMITTED)
    return 1 if torch.cuda.is_available() else min(os.cpu_count() or 1, MOST_JOBS)


def parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split a command line into this command's options and the configurations'."""
    parser = Parser(prog="python -m experiments.reproduce", description=__doc__)
    parser.add_argument("names", nargs="+", help="of experiments/tables, or files of one's own")
    add_data_options(parser, weights="local file of initial weights, at paper scale")
    parser.add_argument("--lfw", help="LFW's folder: tables are of LFW and LFW-occ")
    parser.add_argument("--ar", help="AR's folder: tables are of AR")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: those of the paper's file")
    parser.add_argument("--rows", nargs="+", help="default: all; what they depend on is run too")
    parser.add_argument("--quick", action="store_true", help="the quick rows of the paper's file, one seed")
    parser.add_argument("--dry-run", action="store_true", help="show what would be run")
    parser.add_argument(
        "--jobs", type=int, help="runs at a time; default: one on GPUs, else one a core; 64 jobs of SLURM"
    )
    parser.add_argument("--reserve", type=float, default=1.0, help="GiB that must be free before a run is started")
    add_job_options(parser)
    options, overrides = parser.parse_known_args(args)
    if (options.jobs is not None and options.jobs < 1) or not 0 <= options.reserve < math.inf:
        raise UserError(
            f"Expected --jobs of at least 1 and --reserve of at least 0, got {options.jobs}, {options.reserve}"
        )
    return options, overrides


if __name__ == "__main__":
    main(reproduce)
