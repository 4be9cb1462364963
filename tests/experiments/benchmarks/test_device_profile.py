"""A profile names the operations that a device is kept busy by, with the shapes of their inputs and their kernels."""

from types import SimpleNamespace
from typing import Any

import torch

from experiments.benchmarks.device_profile import events_of, longest_on_cpu, longest_operations, profiler


def event(name: str, shapes: list[Any], own: float, **kernels: float) -> SimpleNamespace:
    """Return an event of a profile, as torch has it."""
    ran = [SimpleNamespace(name=kernel, duration=time) for kernel, time in kernels.items()]
    cpu = SimpleNamespace(name="CPU")
    return SimpleNamespace(
        name=name, input_shapes=shapes, self_cpu_time_total=own, kernels=ran, device_type=cpu, is_user_annotation=False
    )


EVENTS = [
    event("conv", [[2, 3], []], 10.0, wide=3000.0, narrow=1000.0),
    event("conv", [[2, 3], []], 10.0, narrow=1000.0),
    event("conv", [[4, 3], []], 50.0, wide=1000.0),
    event("view", [[4, 3]], 500.0),
]


def test_kernels_are_those_of_operations_of_the_same_shapes_and_times_those_of_one_step() -> None:
    busy, longest = longest_operations(EVENTS, 1, times=2)
    assert busy == {"what": "device busy", "ms": 3.0, "launches": 2}
    expected = {"what": "conv", "shapes": "2×3", "ms": 2.5, "share": 5 / 6}
    assert longest == {**expected, "kernels": "1.5 ms wide; 1 ms narrow"}


def test_the_processor_waits_for_calls_of_all_shapes() -> None:
    assert longest_on_cpu(EVENTS, 2) == [
        {"what": "processor: view", "ms": 0.5, "launches": 1},
        {"what": "processor: conv", "ms": 0.07, "launches": 3},
    ]


def test_a_profile_without_kernels_has_the_operations_own_times() -> None:
    with profiler() as profile:
        torch.zeros(64, 64) @ torch.zeros(64, 32)
    busy, *operations = longest_operations(events_of(profile), 100)
    assert ("aten::mm", "64×64, 64×32") in {(row["what"], row["shapes"]) for row in operations}
    assert abs(sum(row["ms"] for row in operations) - busy["ms"]) < 1e-6
