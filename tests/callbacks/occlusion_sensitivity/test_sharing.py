"""Sharing: of all ways to the first layers' values, the one of least work."""

import itertools
from math import prod

import pytest
import torch
from torch import fx

from callbacks.occlusion_sensitivity import sharing
from callbacks.occlusion_sensitivity.geometry import ReceptiveField
from callbacks.occlusion_sensitivity.plan import make_plan, receptive_fields
from callbacks.occlusion_sensitivity.sharing import MEMORY_COST, passes, shifts
from callbacks.occlusion_sensitivity.trace import shape_of, trace
from lightning_modules.networks import CasiaNet


@pytest.fixture(scope="module")
def module() -> fx.GraphModule:
    return trace(CasiaNet(5, width=0.125).eval(), torch.zeros(2, 1, 48, 64))


def test_passes_are_the_places_of_two_edges_the_covered_field_and_the_clean_one() -> None:
    field = ReceptiveField(2, -1, 1)  # of three pixels an edge leaves one or two, from either side
    assert shifts(field) == 4
    assert passes((field, ReceptiveField(1, 0, 0))) == 5 * 1 + 1


def test_each_map_is_of_larger_fields_than_the_one_it_starts_from(module: fx.GraphModule) -> None:
    for positions in (2_000, 20_000, 200_000):
        sizes = [passes(step.fields) for step in make_plan(module, (20, 17), positions=positions).steps]
        assert sizes == sorted(set(sizes))
        assert sizes


def test_steps_are_the_way_of_least_work(module: fx.GraphModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "WORTH", 0.0)
    plan = make_plan(module, (20, 17), positions=20_000)
    whole = make_plan(module, (20, 17), largest_bank=0)  # shares nothing: has all layers
    at = {layer.node: index for index, layer in enumerate(whole.layers)}
    last = at[plan.steps[-1].node]
    fields = receptive_fields(plan.image, whole.layers)

    def work(way: tuple[int, ...]) -> float:
        total, source = 0.0, -1
        for index in way:
            dense = 0.0
            for layer in whole.layers[source + 1 : index + 1]:
                _, height, width = shape_of(layer.node)
                dense += (layer.cost + layer.cost_before) * height * width
            maps = [whole.layers[i].node for i in (source, index) if i >= 0]  # the image costs nothing
            kept = MEMORY_COST * sum(prod(shape_of(node)) for node in maps)
            total += passes(fields[whole.layers[index].node]) * (dense + kept)
            source = index
        return total

    ways = [(*way, last) for n in range(last + 1) for way in itertools.combinations(range(last), n)]
    assert work(tuple(at[step.node] for step in plan.steps)) == pytest.approx(min(map(work, ways)))
