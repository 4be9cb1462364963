"""Speed and memory of the search of probes in a large gallery, against the machine's bare matrix product.

    python -m experiments.benchmarks.gallery_search_speed [--probes 10000] [--gallery 1000000] [--dim 512] [--k 10]
        [--threads 2] [--repeats 3]

Embeddings are random. Within a repeat three things take turns: the search; the same matrix products in the same blocks,
their results thrown away; and one product of two 4096 × 4096 matrices, as a rate that does not depend on the blocks.
What counts is the search's share of both rates, median over repeats, with its span. The last line is
the largest memory of this process, gallery, Python and torch included.
"""

import statistics
from collections.abc import Callable

import torch
from rich.table import Table
from torch import Tensor

from callbacks.metrics import search
from experiments.benchmarks.benchmark import parse_options, peak_memory, print_table, seconds, with_span
from experiments.cli.user_errors import main as run_command

BLOCK = (2048, 16384)


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(__doc__, probes=10_000, gallery=1_000_000, dim=512, k=10, threads=2, repeats=3)
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(0)
    gallery = torch.randn(options.gallery, options.dim, generator=generator)
    probes = torch.randn(options.probes, options.dim, generator=generator)
    square = torch.randn(4096, 4096, generator=generator)
    operations = 2 * options.probes * options.gallery * options.dim
    sides: dict[str, tuple[int, Callable[[], object]]] = {
        "search": (operations, lambda: search(gallery, probes, options.k, block=BLOCK)),
        "products of the same blocks": (operations, lambda: multiply(gallery, probes)),
        "product of 4096 × 4096": (2 * 4096**3, lambda: square @ square),
    }
    title = f"{options.probes:,} in {options.gallery:,} × {options.dim}, k = {options.k}, {options.threads} thread(s)"
    table = Table("", "seconds", "GFLOP/s", "search's share of the rate", title=title)
    for row in compare(sides, options.repeats):
        table.add_row(*row)
    print_table(table)
    print(f"{peak_memory():.2f} GiB at most, of which the gallery is {gallery.nbytes / 2**30:.2f}")


def multiply(gallery: Tensor, probes: Tensor) -> None:
    """Compute all similarities in the blocks of the search and forget them."""
    for faces in torch.split(gallery, BLOCK[1]):
        for part in torch.split(probes, BLOCK[0]):
            part @ faces.T


def compare(sides: dict[str, tuple[int, Callable[[], object]]], repeats: int) -> list[list[str]]:
    """Return a row of the table for each side; the first one's share of the others' rates."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, (operations, side) in sides.items():
            rates[name].append(operations / seconds(side))
    first = next(iter(rates.values()))
    rows = []
    for name, (operations, _) in sides.items():
        rate = statistics.median(rates[name])
        shares = [a / b for a, b in zip(first, rates[name], strict=True)]
        rows.append([name, f"{operations / rate:.2f}", f"{rate / 1e9:.0f}", with_span(shares, ".0%")])
    return rows


if __name__ == "__main__":
    run_command(lambda _: main())
