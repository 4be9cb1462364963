"""The throughput benchmark counts a whole step and prints a row for each way to train."""

import sys

import pytest
import torch

from experiments.benchmarks.throughput import main
from experiments.benchmarks.timed_training import Size, System, Way, measure, module

SMALL = ["--accelerator=cpu", "--width=0.125", "--image-size=32", "--batch-size=2", "--steps=2", "--matmul=64"]


@pytest.mark.parametrize("system", ["soidn", "soidn_shared", "baseline"])
def test_operations_are_those_of_every_image_forward_and_backward(system: System) -> None:
    counted, tiny = [], Size(0.125, 32, torch.device("cpu"))
    for size in (2, 4):
        way = Way(size, "32-true")
        speed = measure(system, way, tiny, steps=1, count=True)
        counted.append(speed.operations)
    assert counted[1] == counted[0]
    weights = {name: w for name, w in module(system, Way(), tiny).named_parameters() if w.ndim == 2}
    linear = 6 * sum(w.numel() for w in weights.values())  # forward, of weights, of inputs: 2 each
    assert linear < counted[1] < 1000 * linear


def test_each_way_has_its_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["throughput", *SMALL, "--no-compile", "--images=100"])
    main()
    said = capsys.readouterr().out
    assert said.count("32-true") == said.count("bf16-mixed") == 2
    assert f"torch {torch.__version__}" in said
    assert "hours for 20" in said
