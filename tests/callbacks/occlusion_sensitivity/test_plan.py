"""The plan: its windows hold what an occluder can change, and what it merges, shares and leaves whole."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from callbacks.occlusion_sensitivity.engine import Positions, occlude
from callbacks.occlusion_sensitivity.geometry import Spans
from callbacks.occlusion_sensitivity.plan import AXES, CHUNK_COST, Plan, make_plan, merge_kinds
from callbacks.occlusion_sensitivity.trace import aten, between, shape_of, trace
from lightning_modules.networks import CasiaNet
from tests.callbacks.occlusion_sensitivity.networks import NETWORKS, head, sample

NAMES = ["CASIA-Net", "ResNet-like", "pools", "stride above kernel", "dilation, groups, same padding"]


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def module(name: str) -> fx.GraphModule:
    torch.manual_seed(0)
    network, images, _ = sample(name)
    return trace(network, images)


def plans(module: fx.GraphModule, name: str) -> list[Plan]:
    height, width = NETWORKS[name][1][1:]
    return [make_plan(module, size) for size in [(1, 1), (5, 4), (7, 7), (height // 2 + 1, width // 2 + 1)]]


def changed(maps: Tensor, clean: Tensor, axis: int) -> Tensor:
    """Return which rows or columns of maps ``(B, C, H, W)`` differ from the clean ones, ``(B, length)``."""
    return (maps != clean).any(1).any(2 - axis)


def test_all_that_an_occluder_changes_lies_within_its_window(module: fx.GraphModule, name: str) -> None:
    image = torch.randn(1, *NETWORKS[name][1]).double()
    module = module.double()
    height, width = image.shape[2:]
    row = torch.arange(max(height, width)).clamp(max=height - 1)
    column = torch.arange(max(height, width)).clamp(max=width - 1)
    positions = Positions(torch.zeros_like(row), row, column)
    for size in [(1, 1), (5, 4), (9, 12)]:
        plan = make_plan(module, size, largest_bank=0)
        occluded = occlude(image.expand(len(row), -1, -1, -1), positions, size, torch.tensor(3.0).double())
        nodes = [layer.node for layer in plan.layers]
        part = between(plan.module, [plan.image], nodes)
        for node, maps, clean in zip(nodes, part(occluded), part(image), strict=True):
            for axis in AXES:
                start, stop = (torch.as_tensor(limit)[positions[1 + axis], None] for limit in plan.spans[axis][node])
                place = torch.arange(maps.shape[2 + axis])
                outside = (place < start) | (place >= stop)
                # a convolution of the whole map may round otherwise from place to place, not from image to image
                assert not (changed(maps, clean, axis) & outside).any(), (size, node, axis)


def test_windows_lie_within_their_maps(module: fx.GraphModule, name: str) -> None:
    for plan in plans(module, name):
        for layer, axis in itertools.product(plan.layers, AXES):
            spans = plan.spans[axis][layer.node]
            assert (spans.start >= 0).all()
            assert (spans.start < spans.stop).all()
            assert (spans.stop <= shape_of(layer.node)[1 + axis]).all()


def test_centres_of_one_class_have_windows_of_the_same_sizes(module: fx.GraphModule, name: str) -> None:
    for plan in plans(module, name):
        for layer, axis in itertools.product(plan.layers, AXES):
            for number in range(plan.classes[axis].max() + 1):
                assert len(np.unique(plan.spans[axis][layer.node].size[plan.classes[axis] == number])) == 1


def test_a_single_pixel_leaves_nothing_to_share(module: fx.GraphModule) -> None:
    plan = make_plan(module, (1, 1))
    fields = [field.size for field in plan.fields]
    assert plan.shared is None or max(fields) <= 2


# ------------------------------------------------------------------------------------------------ what is shared


def test_first_layers_are_shared_under_large_occluders_where_many_positions_and_memory_allow() -> None:
    network, images, _ = sample("VGG-like")
    module = trace(network, images)
    shared = make_plan(module, (9, 9), positions=21 * 26).shared
    assert shared is not None
    assert shared not in {layer.node for layer in make_plan(module, (9, 9), positions=21 * 26).layers}
    assert make_plan(module, (9, 9), positions=3).shared is None
    assert make_plan(module, (9, 9), largest_bank=1000).shared is None
    assert make_plan(module, (1, 1)).shared is None


def test_what_is_shared_is_counted_in_bytes_of_its_type() -> None:
    needed = {}
    for dtype in (torch.float32, torch.float64):
        network, images, _ = sample("VGG-like")
        module = trace(network.to(dtype), images.to(dtype))
        limits = (2**k for k in range(10, 30))
        needed[dtype] = next(limit for limit in limits if make_plan(module, (9, 9), largest_bank=limit).shared)
    assert needed[torch.float64] == 2 * needed[torch.float32]


def test_under_an_occluder_of_the_whole_image_everything_is_dense() -> None:
    network, images, _ = sample("VGG-like")
    plan = make_plan(trace(network, images), images.shape[2:])  # type: ignore[arg-type]  # two sizes
    widest = max(float(s.size.mean()) / 21 for s in plan.spans[0].values())
    assert len(plan.layers) <= 4 or widest < 0.95


def test_a_network_of_linear_layers_alone_starts_from_the_image() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(20, 3)).eval()
    plan = make_plan(trace(network, torch.zeros(2, 1, 4, 5)), (2, 2))
    assert plan.layers == []
    assert plan.results == [plan.image]
    assert plan.dense_share == 1.0


def test_what_cannot_be_windowed_is_named_with_the_work_behind_it() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(1, 4, 3), *head(4)).eval()
    plan = make_plan(trace(network, torch.zeros(2, 1, 20, 20)), (1, 1))
    assert plan.dense[0].target is aten.pixel_shuffle.default
    assert 0.5 < plan.dense_share < 1
    assert [layer.node.target for layer in plan.layers] == [aten.conv2d.default]


def test_a_convolution_before_a_pooling_gives_all_that_the_pooling_reads() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), *head(4)).eval()
    plan = make_plan(trace(network, torch.zeros(2, 1, 12, 12)), (1, 1))
    convolution, pool = plan.layers[:2]
    for axis in AXES:
        ours, pools = plan.spans[axis][convolution.node], plan.spans[axis][pool.node]
        assert (ours.start <= 2 * pools.start).all()
        assert (ours.stop >= 2 * pools.stop).all()


# ----------------------------------------------------------------------------------------------- classes, merged


def work(kinds: np.ndarray[tuple[int, ...], np.dtype[np.int64]], counts: list[int], merged: list[int]) -> float:
    """Return the work of kinds of one layer when merged."""
    largest = {m: max(int(k[0]) for k, other in zip(kinds, merged, strict=True) if other == m) for m in set(merged)}
    return float(sum(count * largest[m] for count, m in zip(counts, merged, strict=True)))


def test_no_kinds_are_merged_where_it_saves_nothing() -> None:
    kinds = np.array([[4, 2], [5, 3], [9, 5]])
    assert merge_kinds(kinds, np.array([1, 3, 2]), np.array([10.0, 1.0]), saving=0.0).tolist() == [0, 1, 2]


def test_all_kinds_are_merged_where_calls_are_dear() -> None:
    kinds = np.array([[4, 2], [5, 3], [9, 5]])
    assert merge_kinds(kinds, np.array([1, 3, 2]), np.array([10.0, 1.0]), saving=1e9).tolist() == [0, 0, 0]


def test_one_kind_stays_one() -> None:
    assert merge_kinds(np.array([[4]]), np.array([3]), np.array([1.0]), saving=1e9).tolist() == [0]


def test_merging_never_costs_more_than_it_saves_and_numbers_without_gaps() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        kinds = np.unique(rng.integers(1, 30, (rng.integers(1, 9), 1)), axis=0)
        counts, saving = rng.integers(1, 20, len(kinds)), float(rng.integers(1, 100))
        merged = merge_kinds(kinds, counts, np.array([1.0]), saving).tolist()
        assert sorted(set(merged)) == list(range(len(set(merged))))
        apart = work(kinds, counts.tolist(), list(range(len(kinds)))) + saving * len(kinds)
        assert work(kinds, counts.tolist(), merged) + saving * len(set(merged)) <= apart
        # and no further merger of two would save more
        for first, second in itertools.combinations(set(merged), 2):
            closer = [first if m == second else m for m in merged]
            assert work(kinds, counts.tolist(), closer) - work(kinds, counts.tolist(), merged) >= saving


def test_sizes_of_spans() -> None:
    assert Spans(np.array([0, 3]), np.array([2, 3])).size.tolist() == [2, 0]


def test_a_gpu_gets_fewer_classes_for_little_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        network = CasiaNet(10).eval()
        module = trace(network, torch.zeros(2, 1, 100, 100))
    classes, areas = [], []
    for device in ("cpu", "cuda"):
        monkeypatch.setitem(CHUNK_COST, "meta", CHUNK_COST[device])
        made = make_plan(module, (20, 20), positions=10_000)
        classes.append(int(np.prod([kinds.max() + 1 for kinds in made.classes])))
        sizes = [[made.spans[axis][layer.node].size.sum() for layer in made.layers] for axis in AXES]
        areas.append(sum(layer.cost * h * w for layer, h, w in zip(made.layers, *sizes, strict=True)))
    assert classes[1] <= classes[0] / 20
    assert areas[0] <= areas[1] <= 1.3 * areas[0]
