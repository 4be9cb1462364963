"""The bank of shared values: a grid's shifts show every crossing of an occluder's edges."""

import random
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn
from torch.testing import assert_close

from callbacks.occlusion_sensitivity.crossings import OUTSIDE, covering_squares, crossings, grid
from callbacks.occlusion_sensitivity.engine import Positions, occlude
from callbacks.occlusion_sensitivity.geometry import ReceptiveField, covered
from callbacks.occlusion_sensitivity.plan import Plan, make_plan
from callbacks.occlusion_sensitivity.shared import Bank
from callbacks.occlusion_sensitivity.trace import between, shape_of, trace
from lightning_modules.networks import CasiaNet
from tests.callbacks.occlusion_sensitivity.networks import sample


class Case(NamedTuple):
    field: ReceptiveField
    length: int
    entries: int
    size: int


def cases() -> list[Case]:
    rng = random.Random(0)  # noqa: S311  settings of a test
    drawn = []
    for _ in range(300):
        first = -rng.randint(0, 6)
        field = ReceptiveField(rng.randint(1, 4), first, first + rng.randint(0, 8))
        length = rng.randint(4, 40)
        smallest = max(1, field.size - 1)
        if smallest <= length:
            drawn.append(Case(field, length, -(-length // field.jump) + 1, rng.randint(smallest, length)))
    return drawn


def test_a_field_is_covered_in_its_shift_as_it_is_under_the_occluder() -> None:
    for field, length, entries, size in cases():
        spans = covered(np.arange(length), size, length)
        shown = grid(length, field).numpy()
        for centre, row in enumerate(crossings(spans, field, length, entries)):
            under = np.zeros(length, bool)
            under[spans.start[centre] : spans.stop[centre]] = True
            for entry, shift in enumerate(row):
                first, last = entry * field.jump + field.first, entry * field.jump + field.last
                seen = slice(max(first, 0), max(last + 1, 0))
                if shift < 0:
                    assert not under[seen].any(), (field, length, size, centre, entry)
                else:
                    assert (shown[shift][seen] == under[seen]).all(), (field, length, size, centre, entry)


def test_only_fields_that_no_occluder_touches_are_outside() -> None:
    for field, length, entries, size in cases():
        spans = covered(np.arange(length), size, length)
        first = np.arange(entries) * field.jump + field.first
        touched = (spans.start[:, None] <= first + field.size - 1) & (first < spans.stop[:, None])
        assert ((crossings(spans, field, length, entries) == OUTSIDE) == ~touched).all()


def test_a_point_s_field_is_covered_or_not() -> None:
    point = ReceptiveField(1, 0, 0)
    assert grid(4, point).tolist() == [[True] * 4]
    assert crossings(covered(np.array([1]), 2, 4), point, 4, 4).tolist() == [[0, 0, OUTSIDE, OUTSIDE]]


@pytest.fixture(scope="module")
def module() -> fx.GraphModule:
    torch.manual_seed(0)
    network, images, _ = sample("VGG-like")
    return trace(network, images)


def shared_plan(module: fx.GraphModule, occluder_size: tuple[int, int]) -> tuple[Plan, fx.Node]:
    plan = make_plan(module, occluder_size)
    assert plan.shared is not None
    return plan, plan.shared


@torch.no_grad()
@pytest.mark.parametrize("occluder_size", [(5, 5), (12, 7), (20, 26)])
def test_the_bank_holds_the_map_of_every_occluded_image(module: fx.GraphModule, occluder_size: tuple[int, int]) -> None:
    plan, shared = shared_plan(module, occluder_size)
    channels, height, width = shape_of(shared)
    images, fill = torch.randn(2, 3, 21, 26), torch.tensor([0.5, -1.0, 2.0])
    bank = Bank(plan, shared, fill, batch_size=7, padding=(1, 2))
    bank.load(images)
    axes = torch.meshgrid(torch.arange(2), torch.arange(0, 21, 2), torch.arange(26), indexing="ij")
    image, row, column = (axis.flatten() for axis in axes)
    from_border = (torch.full_like(row, -1), torch.full_like(row, -2))
    found = bank.read(image, (row, column), from_border, (height + 2, width + 4))
    occluded = occlude(images[image], Positions(image, row, column), occluder_size, fill.view(-1, 1, 1))
    expected: Tensor = between(plan.module, [plan.image], [shared])(occluded)[0].permute(0, 2, 3, 1)
    assert found.shape == (len(row), height + 2, width + 4, channels)
    assert_close(found[:, 1:-1, 2:-2], expected, atol=1e-5, rtol=1e-5)
    assert not found[:, [0, -1]].any()
    assert not found[:, :, [0, 1, -2, -1]].any()


def test_a_smaller_field_is_crossed_by_the_square_that_covers_it() -> None:
    rng = random.Random(1)  # noqa: S311  settings of a test
    for field, length, *_ in cases():
        smaller = ReceptiveField(rng.randint(1, 4), -rng.randint(0, 3), 0)
        smaller = smaller._replace(last=smaller.first + rng.randint(0, field.size - 1))
        entries, shown = -(-length // smaller.jump) + 1, grid(length, smaller).numpy()
        found = crossings(covering_squares(length, field, smaller, entries), smaller, length, entries)
        for pixels, row in zip(grid(length, field).numpy(), found, strict=True):
            for entry, shift in enumerate(row):
                first = entry * smaller.jump + smaller.first
                seen = slice(max(first, 0), max(first + smaller.size, 0))
                expected = pixels[seen] & False if shift < 0 else shown[shift][seen]
                assert (pixels[seen] == expected).all(), (field, smaller, length, entry)


@torch.no_grad()
def test_a_bank_that_starts_from_an_earlier_one_holds_the_same_values() -> None:
    network, fill = CasiaNet(5, width=0.125).eval(), torch.tensor([0.7])
    images = torch.randn(2, 1, 41, 52)
    plan = make_plan(trace(network, images), (20, 17), positions=20_000)
    assert len(plan.steps) > 1
    for step in plan.steps:
        bank = Bank(plan, step.node, fill, batch_size=7, padding=(0, 0))
        bank.load(images)
        axes = torch.meshgrid(torch.arange(2), torch.arange(0, 41, 3), torch.arange(52), indexing="ij")
        image, row, column = (axis.flatten() for axis in axes)
        height, width = shape_of(step.node)[1:]
        found = bank.read(image, (row, column), (torch.zeros_like(row), torch.zeros_like(row)), (height, width))
        occluded = occlude(images[image], Positions(image, row, column), (20, 17), fill.view(-1, 1, 1))
        expected: Tensor = between(plan.module, [plan.image], [step.node])(occluded)[0].permute(0, 2, 3, 1)
        assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_smaller_block_after_a_larger_one_reads_its_own_values(module: fx.GraphModule) -> None:
    plan, shared = shared_plan(module, (9, 9))
    images, fill = torch.randn(3, 3, 21, 26), torch.zeros(3)
    used, fresh = (Bank(plan, shared, fill, batch_size=16, padding=(0, 0)) for _ in range(2))
    used.load(images[:2])
    used.load(images[2:])
    fresh.load(images[2:])
    centre, start = (torch.tensor([10]), torch.tensor([12])), (torch.tensor([1]), torch.tensor([2]))
    read = [b.read(torch.tensor([0]), centre, start, (4, 5)) for b in (used, fresh)]
    assert torch.equal(read[0], read[1])


@pytest.mark.parametrize(("padding", "is_shared"), [(0, True), (1, False)])
def test_a_map_is_shared_unless_it_is_padded_with_other_values_than_zero(padding: int, is_shared: bool) -> None:
    network = nn.Sequential(nn.Conv2d(1, 32, 3), nn.MaxPool2d(3, 2, padding), nn.Conv2d(32, 2, 3), nn.Flatten()).eval()
    # an edge in the convolution's field of 3 × 3 is shared, one in the pooling's of 5 × 5 cannot be
    plan = make_plan(trace(network, torch.zeros(2, 1, 32, 32)), (3, 3))
    assert (plan.shared is not None) == is_shared
