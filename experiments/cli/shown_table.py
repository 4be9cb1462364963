"""Tables for the terminal, of which nothing is cut off."""

from rich.console import Console
from rich.table import Table


def show_table(table: Table, *, width: int | None = None) -> None:
    """Print a table, as wide as the terminal, or wider where a word or a figure would be cut in two.

    Args:
        table: What is printed.
        width: In characters; by default the terminal's, 80 in a file.
    """
    unbounded = Console(width=10_000).measure(table)
    least = unbounded.minimum + len(table.columns)  # rich forgets some gaps where padding is collapsed
    console = Console(width=width)
    (console if least <= console.width else Console(width=least)).print(table)
