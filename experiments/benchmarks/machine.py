"""What a benchmark says of the machine: its name, its clock, its rate of matrix products, its memory."""

import gc
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

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


def seconds(run: Callable[[], object]) -> float:
    """Return the wall-clock time of a call, of what it started on the device too."""
    began = now()
    run()
    return now() - began


def matmul_rate(size: int, device: torch.device, repeats: int = 10) -> float:
    """Return the median rate of a bfloat16 product of two square matrices, in operations per second."""
    a, b = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    times = [seconds(lambda: a @ b) for _ in range(WARM_UP + repeats)]
    return 2 * size**3 / statistics.median(times[WARM_UP:])


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
