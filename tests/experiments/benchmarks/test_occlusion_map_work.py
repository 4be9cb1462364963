"""Counted work of occlusion maps is what pictures under every occluder show."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from callbacks.occlusion_sensitivity.engine import Positions, occlude
from callbacks.occlusion_sensitivity.trace import trace
from experiments.benchmarks.occlusion_map_work import Work, table, work_by_layer

SIZE, OCCLUDER = (9, 11), (4, 3)


@pytest.fixture(scope="module")
def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3)
    return nn.Sequential(*layers).double().eval()


@pytest.fixture(scope="module")
def counted(network: nn.Sequential) -> list[Work]:
    module = trace(network, torch.zeros(2, 1, *SIZE).double())
    return [work for _, work in work_by_layer(module, OCCLUDER)]


def under_every_occluder() -> torch.Tensor:
    row, column = (axis.flatten() for axis in torch.meshgrid(*map(torch.arange, SIZE), indexing="ij"))
    image = torch.randn(1, 1, *SIZE).double()
    positions = Positions(torch.zeros_like(row), row, column)
    occluded = occlude(image.expand(len(row), -1, -1, -1), positions, OCCLUDER, torch.full((1, 1, 1), 3.0).double())
    return torch.cat([image, occluded])


@torch.no_grad()
def test_work_is_that_of_values_that_change_and_of_those_that_differ(
    network: nn.Sequential, counted: list[Work]
) -> None:
    maps, number = under_every_occluder(), SIZE[0] * SIZE[1]
    for layer, work in zip((layer for layer in network if isinstance(layer, nn.Conv2d)), counted[:2], strict=False):
        changed = (maps[1:] != maps[:1]).any(1, keepdim=True)  # of the input, (P, 1, h, w)
        uses = conv2d(changed.double(), torch.ones(1, 1, 3, 3).double(), padding=1)
        maps, weights = layer(maps).round(decimals=9), layer.weight.numel()  # the same sums may round otherwise
        assert work.difference == pytest.approx(float(uses.sum()) / number * weights / 9)
        assert work.window == pytest.approx(float((maps[1:] != maps[:1]).any(1).sum()) / number * weights)
        places = maps[:, 0].flatten(1).T  # (h · w, 1 + P)
        values = sum(len(place.unique()) - 1 for place in places)  # but for the clean one
        assert work.distinct == pytest.approx(values / number * weights)
        assert work.whole == places.shape[0] * weights


def test_the_last_row_is_the_least_of_each_layer(network: nn.Sequential, counted: list[Work]) -> None:
    module = trace(network, torch.zeros(2, 1, *SIZE).double())
    shown = table(module, OCCLUDER)
    assert list(shown.columns[-1].cells)[-1] == f"{sum(map(min, counted)) / 1e6:.1f}"
    assert shown.row_count == len(counted) + 2
