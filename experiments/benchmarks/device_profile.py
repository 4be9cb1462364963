"""Where time goes on a device: the operations that take longest, by the shapes of their inputs, and their kernels."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch

from experiments.benchmarks.gpu_rows import Row

NAMED_KERNELS = 2
"""Of an operation."""
LETTERS = 70
"""Of a kernel's name."""


class Operation(NamedTuple):
    """What is counted as one: an operation on inputs of the same shapes."""

    name: str
    shapes: str


def profiler() -> torch.profiler.profile:
    """Return a profiler that keeps the shapes of inputs."""
    return torch.profiler.profile(record_shapes=True)


def events_of(profile: torch.profiler.profile) -> list[Any]:
    """Return the events of a profile that has ended."""
    return list(profile.events() or [])  # type: ignore[no-untyped-call]  # torch's


def longest_operations(events: Iterable[Any], number: int, times: int = 1) -> list[Row]:
    """Return how long the device was busy, and the operations that kept it so longest, each with its kernels.

    Args:
        events: Of a profile. Without kernels, on a CPU, an operation's own time counts.
        number: Of operations that are named.
        times: What was profiled was done so often; times are of one.

    Returns:
        The first row is of all operations.
    """
    kernels = _kernels(events)
    busy = {operation: sum(by_kernel.values()) for operation, by_kernel in kernels.items()}
    calls = sum(_launches(events))
    total = sum(busy.values())
    rows: list[Row] = [{"what": "device busy", "ms": total / 1e3 / times, "launches": calls // times}]
    for operation in sorted(busy, key=busy.__getitem__, reverse=True)[:number]:
        named = "; ".join(
            f"{time / 1e3 / times:.3g} ms {name[:LETTERS]}"
            for name, time in kernels[operation].most_common(NAMED_KERNELS)
        )
        share = busy[operation] / total if total else 0.0
        row = {"what": operation.name, "shapes": operation.shapes, "ms": busy[operation] / 1e3 / times}
        rows.append({**row, "share": share, "kernels": named})
    return rows


def longest_on_cpu(events: Iterable[Any], number: int) -> list[Row]:
    """Return the operations, and calls of the driver, that took the processor longest, whatever their shapes."""
    times, calls = Counter[str](), Counter[str]()
    for event in _on_cpu(events):
        times[event.name] += event.self_cpu_time_total
        calls[event.name] += 1
    return [
        {"what": f"processor: {name}", "ms": time / 1e3, "launches": calls[name]}
        for name, time in times.most_common(number)
    ]


def _kernels(events: Iterable[Any]) -> dict[Operation, Counter[str]]:
    """Return the microseconds of each operation's kernels."""
    on_cpu = list(_on_cpu(events))
    any_kernels = any(event.kernels for event in on_cpu)
    found: dict[Operation, Counter[str]] = defaultdict(Counter)
    for event in on_cpu:
        operation = Operation(event.name, _shapes(event.input_shapes or []))
        for kernel in event.kernels:
            found[operation][kernel.name] += kernel.duration
        if not any_kernels:
            found[operation][event.name] += event.self_cpu_time_total
    return found


def _launches(events: Iterable[Any]) -> list[int]:
    on_cpu = list(_on_cpu(events))
    launches = [len(event.kernels) for event in on_cpu]
    return launches if any(launches) else [1] * len(on_cpu)


def _on_cpu(events: Iterable[Any]) -> Iterable[Any]:
    return (event for event in events if event.device_type.name == "CPU" and not event.is_user_annotation)


def _shapes(shapes: Iterable[Any]) -> str:
    """Return the shapes of inputs, those of numbers and of lists of tensors left out.

    Example:
        >>> _shapes([[64, 3, 7, 7], [], [2], [[1], [2]]])
        '64×3×7×7, 2'
    """
    plain = (shape for shape in shapes if shape and all(isinstance(size, int) for size in shape))
    return ", ".join("×".join(map(str, shape)) for shape in plain)
