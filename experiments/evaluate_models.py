"""Compare any number of recognisers on LFW, clean and occluded: what occluders cost at each one's own threshold.

    python -m experiments.evaluate_models --models FOLDER --lfw FOLDER [--pairs FILE] [--table FILE] [--out FOLDER]
                                          [--key=value …]

FOLDER of models holds ONNX and TorchScript files, weights of IResNets, YAML files that describe an extractor, and
exported folders; what is no recogniser is named and left out. Further options are those of experiments.evaluate that
the table does not settle, such as --categories or, of networks' own files, --mean 0 --std 1. Written are report.html,
comparison.csv with 95 % intervals, and results.json and results.csv as those of experiments.evaluate. The table's
default is experiments/tables/real_models.yaml. See docs/real_models.md.
"""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from experiments import cli
from experiments.cli.arguments import Parser
from experiments.cli.shown_table import show_table
from experiments.cli.user_errors import UserError, main
from experiments.evaluation.results_folder import PAGE
from experiments.model_comparison.compared_models import ComparedModels
from experiments.model_comparison.comparison_file import load_comparison
from experiments.model_comparison.comparison_page import Origin, write_comparison
from experiments.model_comparison.comparison_tables import Estimates, tables
from experiments.runs.layers import TABLES
from experiments.runs.run_record import commit


def evaluate_models(args: Sequence[str]) -> None:
    """Evaluate every model by every protocol, draw identities anew, write the page and print tables.

    Raises:
        UserError: If an option is wrong, there is no recogniser, or something could not be measured: then after all
            else is written.
        DataError: If a protocol's files cannot be used.
    """
    options, others = _parse(args)
    comparison = load_comparison(Path(options.table))
    cli.silence()
    compared = ComparedModels(comparison, options, others)
    failures = compared.measure()
    found = compared.estimates()
    origin = Origin(
        command=shlex.join(["python", "-m", "experiments.evaluate_models", *args]),
        commit=commit(),
        models={model.name: model.path for model in compared.models},
        thresholds={name: threshold.said() for name, threshold in compared.carried.items()},
        left_out=[*compared.left_out, *failures],
    )
    page = compared.folder / PAGE
    write_comparison(comparison, found, origin, page)
    _print(found, comparison.measures[:1], [setting.name for setting in comparison.occluded])
    print(f"Page, tables and results: {page}")
    if failures:
        raise UserError(f"{len(failures)} evaluations failed: {'; '.join(failures)}; the others: {page}")


def _print(found: Estimates, measures: Sequence[str], severities: Sequence[str]) -> None:
    for severity in severities:
        for shown in tables(found, measures, severity):
            table = Table("model", title=f"{shown.title}, %; severity: {severity}", box=SIMPLE_HEAD)
            for column in shown.columns:
                table.add_column(column, justify="right")
            for name, cells in shown.rows:
                table.add_row(name, *(f"{cell.text} [{cell.interval}]" for cell in cells))
            show_table(table)


def _parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = Parser(
        prog="python -m experiments.evaluate_models",
        description=__doc__,
    )
    parser.add_argument("--models", required=True, help="folder of models")
    parser.add_argument("--lfw", required=True, help="folder of LFW's images, aligned as the models take them")
    parser.add_argument("--pairs", help="LFW's list of pairs; by default pairs.txt in or beside the folder")
    parser.add_argument("--table", default=str(TABLES / "real_models.yaml"), help="what is compared, and how")
    parser.add_argument("--out", default="runs/real_models")
    return parser.parse_known_args(args)


if __name__ == "__main__":
    main(evaluate_models)
