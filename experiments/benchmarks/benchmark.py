"""What benchmarks share: their command line, their table, a clock, and what they say of the machine."""

import argparse
import gc
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from experiments.cli.arguments import Parser, count
from experiments.cli.shown_table import show_table

WARM_UP = 3


def device_of(accelerator: str) -> torch.device:
    """Return the device that Lightning's ``accelerator``, ``"auto"``, ``"gpu"`` or ``"cpu"``, means here."""
    return torch.device("cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def hardware(device: torch.device) -> str:
    """Return what computes."""
    if device.type == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.processor() or platform.machine()} CPU, {torch.get_num_threads()} thread(s)"


def now() -> float:
    """Return the time in seconds when the device has done all it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def seconds(run: Callable[[], object], clock: Callable[[], float] = now) -> float:
    """Return the time of a call by a clock: by default the wall's, with what the call started on the device."""
    began = clock()
    run()
    return clock() - began


def median_seconds(
    run: Callable[[], object], repeats: int, *, warm_up: int = 1, clock: Callable[[], float] = now
) -> float:
    """Return the median time of ``repeats`` calls, after some that do not count."""
    return statistics.median([seconds(run, clock) for _ in range(warm_up + repeats)][warm_up:])


def with_span(values: Sequence[float], how: str) -> str:
    """Return the median of values with the least and the largest, written as the format ``how`` says.

    Example:
        >>> with_span([0.5, 2.0, 1.0], ".1f")
        '1.0 (0.5–2.0)'
    """
    return f"{statistics.median(values):{how}} ({min(values):{how}}–{max(values):{how}})"


def matmul_rate(size: int, device: torch.device, repeats: int = 10) -> float:
    """Return the median rate of a bfloat16 product of two square matrices, in operations per second."""
    a, b = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    return 2 * size**3 / median_seconds(lambda: a @ b, repeats, warm_up=WARM_UP)


def peak_memory() -> float:
    """Return the largest memory of this process in GiB. What getrusage says begins with the parent's."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**20


def device_memory(device: torch.device) -> float | None:
    """Return the most GiB that tensors took on a GPU since :func:`forget_device_memory`; ``None`` on a CPU."""
    return torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None


def forget_device_memory() -> None:
    """Give back what is unused on the GPU and count the largest memory anew."""
    gc.collect()  # a trainer that is done with is a circle, and holds its network
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def parse_options(description: str | None, **defaults: Any) -> argparse.Namespace:
    """Parse ``--name=value`` for each default, of the default's type.

    A list takes several values, truth is ``--name`` or ``--no-name``, and whole numbers are 1 at least.
    """
    parser = Parser(description=description)
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
    show_table(table, width=120)
