"""Training throughput of SOIDN at the paper's size, and its share of the card's rate of matrix products.

    python -m experiments.benchmarks.throughput [--batch-size 64] [--steps 20] [--precisions 32-true bf16-mixed]
        [--images 240000] [--accelerator auto] [--matmul 8192] [--width 1.0] [--image-size 224]
        [--no-compile]

Model, optimizer and gradient clipping are the paper's, trained by Lightning on one batch of random images that lies on
the device: loading is measured by ``experiments.benchmarks.pipeline``. Each precision runs plain, channels last,
compiled, and both. Images per second are the median over steps. The share is that of the operations of a step, forward
and backward, counted by torch, in the bfloat16 rate of one square matrix product, of ``--matmul`` rows, median over
repeats, measured in the same run; there is none on CPUs. Hours are those of 20 epochs on ``--images`` images.

The paper trains on CASIA-WebFace's 3,459 identities of more than 50 images and does not say how many images they have:
3,459 × 51 = 176,409 at least, 494,414, the whole dataset, at most. The default of 240,000 assumes about 70 each.

On a CPU, small: ``--accelerator=cpu --width=0.125 --image-size=32 --batch-size=8 --steps=3 --matmul=256``.
"""

import sys
from functools import partial
from itertools import product

import torch
from rich.table import Table

from experiments.benchmarks.benchmark import device_of, hardware, matmul_rate, parse_options, print_table
from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.timed_training import EPOCHS, IMAGES, Size, System, Way, measure
from experiments.cli.user_errors import main as run_command

# of the check of a card
SYSTEMS: tuple[System, ...] = ("soidn", "baseline", "soidn_shared")
BATCH_SIZES = (64, 256)
"""The paper's, and one that fills a card."""


def main() -> None:
    """Parse the command line, measure and print."""
    options = parse_options(
        __doc__,
        **{"batch_size": 64, "steps": 20, "precisions": ["32-true", "bf16-mixed"], "compile": True, "images": IMAGES},
        **{"accelerator": "auto", "matmul": 8192, "width": 1.0, "image_size": 224},
    )
    device = device_of(options.accelerator)
    limit = matmul_rate(options.matmul, device)
    print(f"{hardware(device)}; torch {torch.__version__}; python -m experiments.benchmarks.throughput", *sys.argv[1:])
    print(f"bfloat16 product of {options.matmul}² matrices: {limit / 1e12:.3g} TFLOP/s")
    title = f"SOIDN, width {options.width:g}, {options.image_size}², batches of {options.batch_size}"
    hours = f"hours for {EPOCHS} × {options.images:,}"
    columns = ("precision", "channels last", "compiled", "images/s", "of the matrix rate", "GiB at most", hours)
    table = Table(*columns, title=title)
    operations = 0
    for precision, channels_last, compiled in product(
        options.precisions, (False, True), (False, True) if options.compile else (False,)
    ):
        way = Way(options.batch_size, precision, channels_last, compiled)
        size = Size(options.width, options.image_size, device)
        speed = measure("soidn", way, size, steps=options.steps, count=not operations)
        operations = operations or speed.operations
        # most CPUs compute in bfloat16 by way of float32, far below their own rate
        share = f"{operations * speed.rate / limit:.1%}" if device.type == "cuda" else "–"
        memory = "–" if speed.memory is None else f"{speed.memory:.1f}"
        yes = [" ×"[way] for way in (channels_last, compiled)]
        table.add_row(precision, *yes, f"{speed.rate:,.1f}", share, memory, f"{speed.hours(options.images):,.1f}")
    print_table(table)
    print(f"{operations / 1e9:,.1f} GFLOP an image, forward and backward")


class _Bench:
    """Measures rows at one size of systems, beside one measured rate of matrix products."""

    def __init__(self, rows: PartRows, device: torch.device, small: bool) -> None:
        self.rows = rows
        self.steps = 1 if small else 20
        self.batch_sizes = (2,) if small else BATCH_SIZES
        self.size = Size(0.125, 32, device) if small else Size(1.0, 224, device)
        self.device = device
        self.operations: dict[System, int] = {}
        self.limit = torch.inf
        for size in (128,) if small else (4096, 8192):
            rows.add({"what": f"bfloat16 product of {size}² matrices"}, partial(self._matmul, size), needed=True)

    def add(self, system: System, way: Way) -> None:
        """Measure a row."""
        layout = "channels last" if way.channels_last else "channels first"
        name = {"what": ", ".join([system, layout, *["compiled"] * bool(way.compiled)]), "batch size": way.batch_size}
        self.rows.add(name, partial(self._row, system, way))

    def _row(self, system: System, way: Way) -> Row:
        count = system not in self.operations
        if count and way.compiled:  # which cannot be counted
            self.operations[system] = measure(system, Way(way.batch_size), self.size, steps=1, count=True).operations
        speed = measure(system, way, self.size, steps=self.steps, count=count and not way.compiled)
        self.operations.setdefault(system, speed.operations)
        reached = self.operations[system] * speed.rate
        return {
            "images/s": speed.rate,
            "TFLOP/s": reached / 1e12,
            # most CPUs compute in bfloat16 by way of float32, far below their own rate
            "share of the matrix rate": reached / self.limit if self.device.type == "cuda" else None,
            "GiB at most": speed.memory,
            "hours of the schedule": speed.hours(),
        }

    def _matmul(self, size: int) -> Row:
        self.limit = matmul_rate(size, self.device)  # the larger one's is what counts
        return {"TFLOP/s": self.limit / 1e12}


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Part of the check of a card: training that is not compiled; the paper's systems channels first too."""
    bench = _Bench(rows, device, small)
    for system, batch_size, channels_last in product(SYSTEMS, bench.batch_sizes, (True, False)):
        if channels_last or system != "soidn_shared":
            bench.add(system, Way(batch_size, channels_last=channels_last))


def run_compiled(rows: PartRows, device: torch.device, small: bool) -> None:
    """Part of the check: training of compiled networks, large batches of all first; a row takes 25 s to compile."""
    bench = _Bench(rows, device, small)
    compiled = {"backend": "eager"} if small else {"dynamic": False}
    for batch_size, system in product(reversed(bench.batch_sizes), SYSTEMS):
        bench.add(system, Way(batch_size, channels_last=True, compiled=compiled))


if __name__ == "__main__":
    run_command(lambda _: main())
