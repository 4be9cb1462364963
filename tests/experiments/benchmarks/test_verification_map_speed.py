"""The benchmark of verification maps, in miniature: it compares what is the same, and its rates are told."""

import sys

import pytest
import torch

from experiments.benchmarks.verification_map_speed import Similarity, difference, main, random_pairs


def test_ways_give_the_same_scores() -> None:
    pairs = random_pairs(1, 24, 0.125, torch.device("cpu"))
    assert difference(pairs, (6, 5)) <= 1e-5
    expected = torch.cosine_similarity(pairs.network(pairs.first), pairs.network(pairs.second))
    torch.testing.assert_close(Similarity(pairs)(pairs.first), expected)


def test_rates_of_all_ways_are_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--pairs=1", "--size=24", "--width=0.125", "--repeats=1", "--occluder=6x5", "--batches=8,4,4"]
    monkeypatch.setattr(sys, "argv", ["verification_map_speed", *small])
    main()
    said = capsys.readouterr().out
    for way in ("engine", "dense", "captum"):
        assert way in said
    assert "1.00 (1.00–1.00)" in said
