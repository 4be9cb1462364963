"""Reproduce a paper's tables and figures: rows × seeds, each an ordinary run, and a report of all.

    python -m experiments.reproduce soidn occlusion_maps [--seeds 0 1 2] [--rows trunk baseline …] [--quick] [--dry-run]
                                    [--data FOLDER] [--scale demo|paper] [--weights FILE] [--alignment arcface|lfw]
                                    [--lfw FOLDER] [--ar FOLDER] [--jobs N] [--key=value …]

Names are those of files in ``experiments/tables``; a path names a file of one's own. Finished rows are kept under
``runs/reproduce`` and not run again, a row that was cut off goes on from its last checkpoint. Further options override
keys of all configurations. Written there for each name: ``report.html``, of the rows asked for and of those that were
done before.
"""

import argparse
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console

from datamodules.errors import DataError
from datamodules.whole_file import write_whole
from experiments.cli import UserError, join_values, main, parse
from experiments.contents import Contents
from experiments.launch import Parser, add_data_options, choose_data, choose_scale
from experiments.reproduction.console import console
from experiments.reproduction.declaration import TABLES, Declaration, load, unknown
from experiments.reproduction.drawings import DRAWINGS
from experiments.reproduction.plan import Job, Setting, plan
from experiments.reproduction.protocols import real_protocols
from experiments.reproduction.records import Run
from experiments.reproduction.report import write_report
from experiments.reproduction.runner import GIB, Runner

FOLDER = Path("runs/reproduce")
OWNER = "declaration.txt"
"""Names the file that a folder's runs and report are of, from there."""
MOST_JOBS = 8  # a run takes up to 2 GiB


def reproduce(args: Sequence[str]) -> None:
    """Run what is missing and write a report for each declaration.

    Raises:
        UserError: If an option or a declaration is wrong, before anything is run; or if rows failed, at the end.
    """
    options, overrides = _parse(args)
    files = _files(options.names)
    declarations = {name: load(path) for name, path in files.items()}
    scale, why = choose_scale(options.scale, has_data=options.data is not None, has_gpu=torch.cuda.is_available())
    print(f"Scale: {scale} ({why})")
    data = choose_data(options.data, options.alignment, scale)
    contents = Contents()
    who = "" if options.data is None else contents.of(options.data)
    protocols = real_protocols(options.lfw, options.ar, contents)
    planned: dict[str, list[Job]] = {}
    wanted: list[Job] = []
    for name, declaration in declarations.items():
        folder = FOLDER / name
        _check_owner(folder, files[name])
        setting = Setting(scale, data, who, options.weights, protocols, join_values(overrides), folder)
        seeds = options.seeds or ([declaration.seeds[0]] if options.quick else declaration.seeds)
        rows = declaration.with_needs(_rows(name, declarations, options), scale)
        planned[name] = plan(declaration, setting, dict.fromkeys(seeds))
        wanted += [job for job in planned[name] if job.run.row in rows]
    _refuse_wrong_keys(wanted)
    if options.dry_run:
        _show(wanted)
        return
    for name, path in files.items():
        write_whole(FOLDER / name / OWNER, _below(path, FOLDER / name))
    found = _run(wanted, options)
    command = shlex.join(["python", "-m", "experiments.reproduce", *args])
    for name, declaration in declarations.items():
        runs = [found.get(job.run.folder) or job.recalled() for job in planned[name]]
        runs = [run for run in runs if run.folder in found or run.status == "done"]
        shown = declaration.at(scale).only({run.row for run in runs})
        _draw(shown, runs)
        report = FOLDER / name / "report.html"
        write_report(shown, runs, report, scale=scale, command=command)
        for table in console(shown, runs):
            Console(width=120).print(table)
        print(f"Report: {report}")
    _refuse_missing([found[job.run.folder] for job in wanted])


def _refuse_missing(runs: Sequence[Run]) -> None:
    missing = [run for run in runs if run.status != "done"]
    if missing:
        first = missing[0]
        raise UserError(f"{len(missing)} runs are missing; {first.row}, seed {first.seed}: {first.error}")
    failed = [(run, protocol, error) for run in runs for protocol, error in run.unevaluated.items()]
    if failed:
        run, protocol, error = failed[0]
        where = f"{run.row}, seed {run.seed}, by {protocol}"
        raise UserError(f"{len(failed)} evaluations are missing; {where}: {error}")


def _run(jobs: Sequence[Job], options: argparse.Namespace) -> dict[str, Run]:
    """Return the runs of jobs by their folders."""
    runner = Runner(parallel=options.jobs or _room(), reserve=int(options.reserve * GIB))
    try:
        return {run.folder: run for run in runner.run(jobs)}
    except KeyboardInterrupt:
        raise UserError("stopped; the same command goes on where it stopped") from None


def _draw(declaration: Declaration, runs: Sequence[Run]) -> None:
    """Draw the figures that no run draws by itself, for the first seed that is done."""
    for figure in declaration.figures:
        for row in figure.rows if figure.drawing else ():
            done = next((run for run in runs if run.row == row and run.status == "done"), None)
            if done is not None and not (picture := Path(done.folder) / figure.file).exists():
                unfinished = picture.with_name(f"unfinished-{os.getpid()}-{picture.name}")
                try:
                    DRAWINGS[figure.drawing](Path(done.folder), unfinished)
                    unfinished.replace(picture)
                except (DataError, UserError, ValueError, OSError) as error:
                    print(f"{figure.title}: not drawn: {error}")
                finally:
                    unfinished.unlink(missing_ok=True)


def _room() -> int:
    """Return how many runs go at a time: all GPUs are one run's, a processor's cores one run's each."""
    return 1 if torch.cuda.is_available() else min(os.cpu_count() or 1, MOST_JOBS)


def _files(names: Sequence[str]) -> dict[str, Path]:
    """Return the files by the names of the folders that their runs are kept in."""
    files: dict[str, Path] = {}
    for path in map(_file, dict.fromkeys(names)):
        if (other := files.setdefault(path.stem, path)) != path:
            raise UserError(f"expected files of different names, got {other} and {path}, whose runs have one folder")
    return files


def _check_owner(folder: Path, path: Path) -> None:
    """Refuse a folder whose report is another file's.

    Raises:
        UserError: If it is, and that file is still there.
    """
    owner = folder / OWNER
    other = folder / owner.read_text(encoding="utf-8") if owner.exists() else path
    if other.resolve() != path.resolve() and other.exists():
        raise UserError(f"{path}: expected another name, got that of {other.resolve()}, whose report is in {folder}")


def _below(path: Path, folder: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


def _file(name: str) -> Path:
    path = Path(name) if name.endswith((".yaml", ".yml")) else TABLES / f"{name}.yaml"
    if not path.exists():
        raise UserError(unknown("reproduction", name, sorted(path.stem for path in TABLES.glob("*.yaml"))))
    return path


def _rows(name: str, declarations: Mapping[str, Declaration], options: argparse.Namespace) -> list[str]:
    declaration = declarations[name]
    every = [row for declared in declarations.values() for row in declared.rows]
    for row in options.rows or ():
        if row not in every:
            raise UserError(unknown("row", row, every))
    if options.rows:
        return [row for row in options.rows if row in declaration.rows]
    return list((declaration.quick if options.quick else None) or declaration.rows)


def _refuse_wrong_keys(jobs: Sequence[Job]) -> None:
    """Parse a command line of every row: a misspelt key shows before anything is trained."""
    rows: set[tuple[Path, str]] = set()
    for job in jobs:
        key = (job.folder.parent.parent, job.run.row)
        if key not in rows and not job.run.is_done():
            rows.add(key)
            try:
                parse(job.train)
            except UserError as error:
                raise UserError(f"row {job.run.row}: {error}") from error


def _show(jobs: Sequence[Job]) -> None:
    for job in jobs:
        run = job.recalled()
        left = [one.protocol for one in job.evaluations if one.protocol not in run.evaluations]
        missing = f", not evaluated by {', '.join(left)}" if run.status == "done" and left else ""
        print(f"{job.run.row}, seed {job.run.seed}: {run.status}{missing}")
        print(f"  {job.run.command}")


def _parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = Parser(
        prog="python -m experiments.reproduce",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("names", nargs="+", help="of experiments/tables, or files of one's own")
    add_data_options(parser)
    parser.add_argument("--weights", help="local file of initial weights, at paper scale")
    parser.add_argument("--lfw", help="LFW's folder: tables are of LFW and LFW-occ")
    parser.add_argument("--ar", help="AR's folder: tables are of AR")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: the declaration's")
    parser.add_argument("--rows", nargs="+", help="default: all; what they go on from is run too")
    parser.add_argument("--quick", action="store_true", help="the declaration's quick rows, one seed")
    parser.add_argument("--dry-run", action="store_true", help="show what would be run")
    parser.add_argument("--jobs", type=int, help="runs at a time; default: one on GPUs, else one for each core")
    parser.add_argument("--reserve", type=float, default=1.0, help="GiB that must be free before a run is started")
    options, overrides = parser.parse_known_args(args)
    if (options.jobs is not None and options.jobs < 1) or not 0 <= options.reserve < math.inf:
        raise UserError(
            f"Expected --jobs of at least 1 and --reserve of at least 0, got {options.jobs}, {options.reserve}"
        )
    return options, overrides


if __name__ == "__main__":
    main(reproduce)
