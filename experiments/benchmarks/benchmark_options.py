"""The command line of a benchmark, and its table."""

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.cli.arguments import Parser, count


def parse_options(description: str | None, **defaults: Any) -> argparse.Namespace:
    """Parse ``--name=value`` for each default, of the default's type.

    A list takes several values, truth is ``--name`` or ``--no-name``, and whole numbers are 1 at least.

    Args:
        description: What ``--help`` says above the options.
        defaults: By name; hyphens are underscores.
    """
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        several = isinstance(default, list)
        kind = type(default[0] if several else default)
        how: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
        if kind is not bool:
            how = {"type": count if kind is int else kind, "nargs": "+" if several else None}
        parser.add_argument(f"--{name.replace('_', '-')}", default=default, help="by default %(default)s", **how)
    return parser.parse_args()


def print_table(table: Table) -> None:
    """Print a table as wide as it needs, wherever it goes."""
    Console(width=120).print(table)
