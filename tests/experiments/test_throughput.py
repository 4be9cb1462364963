"""The throughput benchmark counts a whole step and prints a row for each way to train."""

import argparse
import sys

import pytest
import torch

from experiments.benchmarks.throughput import Random, main, soidn, train

SMALL = ["--accelerator=cpu", "--width=0.125", "--image-size=32", "--batch-size=2", "--steps=2", "--matmul=64"]


def test_operations_are_those_of_every_image_forward_and_backward() -> None:
    options = argparse.Namespace(accelerator="cpu", width=0.125, image_size=32, steps=1)
    counted = []
    for size in (2, 4):
        data = Random(size, 32, torch.device("cpu"))
        counted.append(train(data, options, "32-true", count=True, settings={}).operations)
    assert counted[1] == 2 * counted[0]
    weights = {name: w for name, w in soidn(0.125, 32).named_parameters() if w.ndim == 2}
    linear = 6 * 4 * sum(w.numel() for w in weights.values())  # forward, of weights, of inputs: 2 each
    assert linear < counted[1] < 1000 * linear


def test_each_way_has_its_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["throughput", *SMALL, "--no-compile", "--images=100"])
    main()
    said = capsys.readouterr().out
    assert said.count("32-true") == said.count("bf16-mixed") == 2
    assert f"torch {torch.__version__}" in said
    assert "hours for 20" in said
