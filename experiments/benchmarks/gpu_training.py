"""Part of the check of a card: training of SOIDN and Baseline, and its share of the rate of matrix products."""

from functools import partial
from itertools import product

import torch

from experiments.benchmarks.gpu_rows import PartRows, Row
from experiments.benchmarks.machine import WARM_UP, matmul_rate
from experiments.benchmarks.timed_training import Clock, Size, System, Way, measure, train

SYSTEMS: tuple[System, ...] = ("soidn", "baseline")
BATCH_SIZES = (64, 256)
"""The paper's, and one that fills a card."""
KERNELS = 12
"""Of a profile, that are named."""


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
            rows.add({"what": f"bfloat16 product of {size}² matrices"}, partial(self._matmul, size))

    def add(self, system: System, way: Way) -> None:
        """Measure a row."""
        layout = "channels last" if way.channels_last else "channels first"
        extras = [word for word, on in (("compiled", way.compiled), ("cuDNN tries", way.cudnn_benchmark)) if on]
        name = {"what": ", ".join([system, layout, *extras]), "batch size": way.batch_size}
        self.rows.add(name, partial(self._row, system, way))

    def profile(self, system: System, way: Way) -> None:
        """Add the kernels that take longest, with their share of the time of all."""
        name = {"what": f"profile of {system}, channels last", "batch size": way.batch_size}
        self.rows.add(name, lambda: self._kernels(system, way))

    def _row(self, system: System, way: Way) -> Row:
        if system not in self.operations:
            plain = Way(self.batch_sizes[0])
            self.operations[system] = measure(system, plain, self.size, steps=1, count=True).operations
        speed = measure(system, way, self.size, steps=self.steps)
        reached = self.operations[system] * speed.rate
        return {
            "images/s": speed.rate,
            "TFLOP/s": reached / 1e12,
            # most CPUs compute in bfloat16 by way of float32, far below their own rate
            "share of the matrix rate": reached / self.limit if self.device.type == "cuda" else None,
            "GiB at most": speed.memory,
            "hours of the schedule": speed.hours(),
        }

    def _kernels(self, system: System, way: Way) -> Row:
        with torch.profiler.profile() as profiler:
            train(system, way, self.size, Clock(count=False), steps=WARM_UP)
        own = "self_cpu_time_total" if self.device.type == "cpu" else "self_device_time_total"
        ran = [event for event in profiler.key_averages() if event.device_type.name.lower() == self.device.type]
        times = {event.key: getattr(event, own) for event in ran if not getattr(event, "is_user_annotation", False)}
        longest = sorted(times, key=times.__getitem__, reverse=True)[:KERNELS]
        return {"kernels": "; ".join(f"{times[key] / sum(times.values()):.1%} {key[:60]}" for key in longest)}

    def _matmul(self, size: int) -> Row:
        self.limit = matmul_rate(size, self.device)  # the larger one's is what counts
        return {"TFLOP/s": self.limit / 1e12}


def run(rows: PartRows, device: torch.device, small: bool) -> None:
    """Measure training as it is without compilation, and which kernels SOIDN's takes."""
    bench = _Bench(rows, device, small)
    for system, batch_size, channels_last in product(SYSTEMS, bench.batch_sizes, (True, False)):
        bench.add(system, Way(batch_size, channels_last=channels_last))
    bench.add("soidn", Way(bench.batch_sizes[0], channels_last=True, cudnn_benchmark=True))
    bench.profile("soidn", Way(bench.batch_sizes[0], channels_last=True))


def run_compiled(rows: PartRows, device: torch.device, small: bool) -> None:
    """Measure training of compiled networks, SOIDN with large batches first: a row takes about 25 s to compile."""
    bench = _Bench(rows, device, small)
    compiled = {"backend": "eager"} if small else {"dynamic": False}
    for system, batch_size in product(SYSTEMS, reversed(bench.batch_sizes)):
        bench.add(system, Way(batch_size, channels_last=True, compiled=compiled))
