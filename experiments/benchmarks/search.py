"""Speed and memory of the search of probes in a large gallery, against the machine's bare matrix product.

    python -m experiments.benchmarks.search [--probes 10000] [--gallery 1000000] [--dim 512] [--k 10] [--threads 2]
        [--repeats 3]

Embeddings are random. Within a repeat three things take turns: the search; the same matrix products in the same blocks,
their results thrown away; and one product of two 4096 × 4096 matrices, as a rate that does not depend on the blocks.
What counts is the search's share of both rates, median over repeats, with its span. The last line is
the largest memory of this process, gallery, Python and torch included.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from callbacks.metrics import search
from experiments.cli.arguments import Parser
from experiments.cli.user_errors import main as run_command

BLOCK = (2048, 16384)


def main() -> None:
    """Parse the command line, measure and print."""
    options = _parse()
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
    Console(width=120).print(table)
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
            began = time.perf_counter()
            side()
            rates[name].append(operations / (time.perf_counter() - began))
    first = next(iter(rates.values()))
    rows = []
    for name, (operations, _) in sides.items():
        rate = statistics.median(rates[name])
        shares = [a / b for a, b in zip(first, rates[name], strict=True)]
        span = f"{statistics.median(shares):.0%} ({min(shares):.0%}–{max(shares):.0%})"
        rows.append([name, f"{operations / rate:.2f}", f"{rate / 1e9:.0f}", span])
    return rows


def peak_memory() -> float:
    """Return the largest memory of this process in GiB. What getrusage says begins with the parent's."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**20


def _parse() -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, default=10_000)
    parser.add_argument("--gallery", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    run_command(lambda _: main())
