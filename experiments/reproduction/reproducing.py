"""Papers reproduced: what is missing of the rows asked for is run, and a report written of all that is there."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from experiments.cli import UserError
from experiments.reproduction.asked_rows import AskedRows, refuse_missing, show
from experiments.reproduction.console import console
from experiments.reproduction.drawings import draw_missing
from experiments.reproduction.real_protocols import real_protocols
from experiments.reproduction.report import write_report
from experiments.reproduction.report_folder import own, report_of
from experiments.runs.launching import chosen_setting
from experiments.runs.process import Processes
from experiments.runs.run_record import RunRecord
from experiments.runs.run_schedule import run_all
from experiments.runs.runner import GIB, Runner

MOST_JOBS = 8  # a run takes up to 2 GiB


def reproduce_papers(options: argparse.Namespace, overrides: Sequence[str], command: str) -> None:
    """Run what is missing and write a report for each paper.

    Args:
        options: Of ``experiments.reproduce``.
        overrides: Of all configurations.
        command: That asked for it.

    Raises:
        UserError: If an option or a file is wrong, before anything is run; or if rows failed, at the end.
    """
    asked = AskedRows(options.names, seeds=options.seeds, rows=options.rows, quick=options.quick)
    setting = chosen_setting(options, overrides, shared=tuple)
    asked.plan(setting, real_protocols(options.lfw, options.ar, asked.graph.contents))
    if options.dry_run:
        show(asked)
        return
    for path in asked.files.values():
        own(path)
    ended = _run_missing(asked, options)
    for name in asked.papers:
        shown, runs = asked.found(name, ended)
        draw_missing(shown, runs)
        write_report(shown, runs, report_of(name), scale=setting.scale, command=command)
        for table in console(shown, runs):
            Console(width=120).print(table)
        print(f"Report: {report_of(name)}")
    refuse_missing([row.outcome(ended) for row in asked.wanted()])


def _run_missing(asked: AskedRows, options: argparse.Namespace) -> dict[Path, RunRecord]:
    """Run what is left, and return what became of it by folder."""
    processes = Processes()
    runner = Runner(processes.call, reserve=int(options.reserve * GIB), is_stopping=lambda: processes.stopping)
    nodes = [node for row in asked.wanted() for node in row.nodes()]
    at_a_time = options.jobs or _room()
    try:
        ended = run_all(asked.graph, nodes, runner, processes, parallel=at_a_time)
        return {node.folder: record for node, record in ended}
    except KeyboardInterrupt:
        raise UserError("stopped; the same command resumes") from None


def _room() -> int:
    """Return how many runs go at a time: all GPUs are one run's, a processor's cores one run's each."""
    return 1 if torch.cuda.is_available() else min(os.cpu_count() or 1, MOST_JOBS)
