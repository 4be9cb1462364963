"""Reads: convolutions of what differs from the clean map give what convolutions of patches give."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from callbacks.occlusion_sensitivity import occlusion_maps, plan, windowed_layers
from callbacks.occlusion_sensitivity.plan import AXES, Plan, make_plan
from callbacks.occlusion_sensitivity.reads import difference_of
from callbacks.occlusion_sensitivity.trace import trace
from tests.callbacks.occlusion_sensitivity.networks import Sample, head, sample, sample_of

NAMES = ["CASIA-Net", "VGG-like", "ResNet-like", "DenseNet-like", "maps used again", "dilated"]
ALL_MERGED, NO_MERGERS = ({"CHUNK_COST": {"cpu": cost, "cuda": cost}} for cost in (1e15, 0.0))
NEVER_DENSE = {"TURN_DENSE": 2.0}


@pytest.fixture(autouse=True)
def of_any_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute convolutions of few channels so, too."""
    monkeypatch.setattr(windowed_layers, "WIDE", 1)


def given_by(name: str) -> Sample:
    """Return a network of ``NETWORKS``, or one whose kernels are dilated and longer one way, with other padding."""
    if name != "dilated":
        return sample(name)
    second = nn.Conv2d(8, 6, (3, 2), padding=(3, 1), dilation=(1, 3))
    layers = nn.Conv2d(1, 8, 3), nn.SiLU(), second, nn.ReLU(), nn.Conv2d(6, 8, 3, padding="same", dilation=2)
    return sample_of(nn.Sequential(*layers, *head(8)), (1, 23, 20))


def error(given: Sample, occluder_size: tuple[int, int], stride: int = 1) -> float:
    """Return the largest error of a logit, as a share of the largest; every decision must be right."""
    maps = [
        occlusion_maps(*given, occluder_size=occluder_size, fill=0.7, stride=stride, method=method, all_scores=True)
        for method in ("incremental", "dense")
    ]
    assert torch.equal(maps[0].errors, maps[1].errors)
    return float((maps[0].scores - maps[1].scores).abs().max() / maps[1].scores.abs().max())


@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize("name", NAMES)
def test_differences_give_the_logits_and_decisions_of_whole_pictures(name: str) -> None:
    given = given_by(name)
    for occluder_size, stride in [((6, 6), 1), ((1, 1), 2), ((9, 12), 2)]:
        assert error(given, occluder_size, stride) <= 5e-6


@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize("settings", [ALL_MERGED, NO_MERGERS, NEVER_DENSE | ALL_MERGED], ids=str)
def test_whatever_windows_are_merged_or_cut_at_the_border(
    settings: Mapping[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in settings.items():
        monkeypatch.setattr(plan, key, value)
    for name in ("CASIA-Net", "dilated", "maps used again"):
        assert error(given_by(name), (7, 9), 3) <= 5e-6


def test_a_difference_of_a_thousandfold_costs_no_more_digits_than_it_has() -> None:
    layers = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3), *head(4)
    network, images, _ = sample_of(nn.Sequential(*layers), (1, 15, 14))
    with torch.no_grad():
        labels = network(1000 * images).argmax(1)
    assert error(Sample(network, 1000 * images, labels), (5, 4)) <= 5e-6


def plans(name: str) -> list[Plan]:
    network, images, _ = given_by(name)
    module = trace(network, images)
    return [make_plan(module, size) for size in [(1, 1), (5, 4), (9, 12)]]


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_difference_reaches_is_added_and_padding_is_that_of_a_class(name: str) -> None:
    found = 0
    for made in plans(name):
        for layer in (layer for layer in made.layers if layer.spread is not None):
            how, found = difference_of(made, layer, torch.device("cpu")), found + 1
            for axis, sliding in zip(AXES, layer.sliding or (), strict=True):
                reached = sliding.outputs(made.spans[axis][layer.inputs[0]])
                ours, given = how.after.window[axis], how.after.region[axis]
                # what is not computed lies outside of the output's window, whose border is clean
                assert (np.maximum(reached.start, given.start) >= ours.start).all()
                assert (np.minimum(reached.stop, given.stop) <= ours.stop).all()
                for number in range(made.classes[axis].max() + 1):
                    of_class = made.classes[axis] == number
                    assert len(np.unique(how.zeros[axis][of_class])) == len(np.unique(ours.size[of_class])) == 1
    assert found
