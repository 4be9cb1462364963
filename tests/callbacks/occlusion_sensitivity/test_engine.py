"""The engine: what cannot be traced or windowed is evaluated densely, exactly, and is named."""

import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from callbacks.occlusion_sensitivity import engine, occlusion_maps
from callbacks.occlusion_sensitivity.engine import (
    Dense,
    Evaluator,
    Incremental,
    Method,
    Positions,
    make_evaluator,
    occlude,
    pictures_at_once,
    windows_at_once,
)
from tests.callbacks.occlusion_sensitivity.networks import Sample, head, sample, sample_of

Warns = partial[warnings.catch_warnings]


def evaluator(
    given: Sample, method: Method = "incremental", memory: int = 2**30, batch_size: int | None = 11
) -> Evaluator:
    return make_evaluator(
        given.network,
        given.images[:1],
        occluder_size=(5, 4),
        fill=torch.full(given.images.shape[1:2], 0.7),
        method=method,
        batch_size=batch_size,
        positions_per_image=100,
        memory=memory,
    )


def assert_exact(given: Sample, *occluders: tuple[int, int]) -> None:
    for occluder_size in occluders or [(5, 4), (1, 1), (12, 10)]:
        maps = partial(occlusion_maps, *given, occluder_size=occluder_size, fill=0.7, stride=2, all_scores=True)
        ours, reference = maps(), maps(method="dense")
        assert (ours.scores - reference.scores).abs().max() <= 1e-4 * reference.scores.abs().max()
        assert torch.equal(ours.errors, reference.errors)


class Choice(nn.Module):
    """Control flow on values: export cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), *head(4))

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.as_tensor(self.layers(x))
        return logits if bool(logits.isfinite().all()) else logits.abs()


@pytest.mark.usefixtures("traced_once")
def test_a_network_that_cannot_be_traced_is_dense_with_a_warning_that_says_so(may_warn: Warns) -> None:
    given = sample_of(Choice(), (1, 15, 14))
    with pytest.warns(UserWarning, match=r"Choice cannot be traced, its occlusion maps are computed densely: \w+: \S"):
        assert isinstance(evaluator(given), Dense)
    with may_warn():
        assert_exact(given, (5, 4))


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_what_is_computed_at_once_is_the_ways_own_even_where_another_was_asked_for(
    method: Method, monkeypatch: pytest.MonkeyPatch, may_warn: Warns
) -> None:
    monkeypatch.setattr(engine, "BATCH_SIZES", {"incremental": {"cpu": 9}, "dense": {"cpu": 3}})
    monkeypatch.setattr(engine, "MOST_TIMES", 1)
    windowed = sample_of(nn.Sequential(nn.Conv2d(1, 4, 3), *head(4)), (1, 15, 14))
    assert batch_size_of(evaluator(windowed, method, batch_size=None)) == {"incremental": 9, "dense": 3}[method]
    assert batch_size_of(evaluator(windowed, method, batch_size=5)) == 5
    with may_warn():
        assert batch_size_of(evaluator(sample_of(Choice(), (1, 15, 14)), method, batch_size=None)) == 3


@pytest.mark.parametrize(("channels", "expected"), [(4, 36), (64, 18), (512, 9)])
def test_a_processor_computes_more_windows_at_once_where_they_are_small(
    channels: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH_SIZES", {"incremental": {"cpu": 9, "cuda": 7}, "dense": {"cpu": 3}})
    twice = nn.Conv2d(1, channels, 3), nn.ReLU(), nn.Conv2d(channels, channels, 3)
    given = sample_of(nn.Sequential(*twice, *head(channels)), (1, 15, 14))
    # an occluder of 5 × 4 changes 9 × 8 places of the second map, cut at the border 7.4 × 6.5
    monkeypatch.setattr(engine, "IN_CACHE", 18 * 64 * 49 * 4)
    made = evaluator(given, batch_size=None)
    assert isinstance(made, Incremental)
    assert made.batch_size == expected
    assert windows_at_once(made.network.plan, torch.device("cuda")) == 7


def batch_size_of(made: Evaluator) -> int:
    assert isinstance(made, Dense | Incremental)
    return made.batch_size


class ChannelsLast(nn.Module):
    """A layer norm over channels, as in ConvNeXt."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Squeezed(nn.Module):
    """Channels weighted by the whole map's mean, as in squeeze-and-excitation."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.mean((2, 3), keepdim=True).sigmoid()


class PositionMap(nn.Module):
    """A learned value for each place."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(1, 8, 15, 14))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.places


class ConstantMap(nn.Module):
    """A map that is the same for all images, beside the image's own, or added to it."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.register_buffer("places", torch.randn(1, 8, 15, 14))
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, self.places)  # type: ignore[arg-type]  # a buffer


def beside(x: Tensor, places: Tensor) -> Tensor:
    return torch.cat([x, places.expand(x.shape[0], -1, -1, -1)], 1)


def beside_zeros(x: Tensor, places: Tensor) -> Tensor:
    return torch.cat([places.new_zeros(x.shape[0], 8, 15, 14), x], 1)


def on_top(x: Tensor, places: Tensor) -> Tensor:
    return x + places.repeat(x.shape[0], 1, 1, 1)


class Attention(nn.Module):
    """Attention between places, as in a vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.mix(x.flatten(2).transpose(1, 2)).chunk(3, 2)
        tokens = torch.softmax(query @ key.transpose(1, 2), 2) @ value
        return torch.as_tensor(tokens.transpose(1, 2).unflatten(2, (15, 14)))


@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize(
    ("middle", "channels", "operation"),
    [
        (partial(ConstantMap, beside), 16, "cat.default"),
        (partial(ConstantMap, beside_zeros), 16, "cat.default"),
        (partial(ConstantMap, on_top), 8, "add.Tensor"),
        (Attention, None, "reshape.default"),
    ],
    ids=["beside", "beside zeros", "on top", "attention"],
)
def test_what_turns_dense_says_so_though_a_map_is_constant_or_no_convolution_follows(
    middle: Callable[[], nn.Module], channels: int | None, operation: str, may_warn: Warns
) -> None:
    last = [nn.Conv2d(channels, 8, 3)] if channels else []
    rest = [nn.Flatten(), nn.Linear(8 * (13 * 12 if channels else 15 * 14), 5)]
    given = sample_of(nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), middle(), *last, *rest), (1, 15, 14))
    with pytest.warns(UserWarning, match=rf"Sequential: \d+% of the work is computed densely, as {operation} \(1"):
        evaluator(given)
    with may_warn():
        assert_exact(given, (5, 4))


def test_a_method_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected `method` of incremental, dense, got 'exact'"):
        evaluator(sample("VGG-like"), method="exact")  # type: ignore[arg-type]  # refused


@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize(
    ("middle", "channels", "name"),
    [
        (lambda: nn.PixelShuffle(2), 2, r"pixel_shuffle.default \(1\)"),
        (lambda: nn.ConvTranspose2d(8, 8, 3, 2), 8, r"conv_transpose2d.input \(1\)"),
        (lambda: ChannelsLast(8), 8, "permute.default"),
        (Squeezed, 8, "mean.dim"),
        (PositionMap, 8, "add.Tensor"),
        (lambda: nn.GroupNorm(2, 8), 8, r"group_norm.default \(1\)"),
        (lambda: nn.Upsample(scale_factor=2), 8, "upsample_nearest2d"),
        (lambda: nn.AvgPool2d(2, 1, 1, count_include_pad=False), 8, "avg_pool2d.default"),
    ],
    ids=["shuffle", "transposed", "layer norm", "squeeze", "places", "group norm", "upsample", "average of a border"],
)
def test_an_operation_without_windows_is_named_and_stays_exact(
    middle: Callable[[], nn.Module], channels: int, name: str, may_warn: Warns
) -> None:
    layers = [nn.Conv2d(1, 8, 3, padding=1), middle(), nn.Conv2d(channels, 8, 3), *head(8)]
    given = sample_of(nn.Sequential(*layers), (1, 15, 14))
    with pytest.warns(UserWarning, match=rf"Sequential: \d+% of the work is computed densely, as [^,]*{name}"):
        evaluator(given)
    with may_warn():
        assert_exact(given)


def test_channels_may_lie_innermost_in_memory() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 6 * 6, 5))
    given = sample_of(network, (3, 15, 14))
    innermost = given._replace(
        network=given.network.to(memory_format=torch.channels_last),
        images=given.images.to(memory_format=torch.channels_last),
    )
    assert_exact(innermost)


def test_networks_of_convolutions_and_pools_give_no_warning() -> None:
    evaluator(sample("ResNet-like"))  # a warning is an error
    evaluator(sample("DenseNet-like"))


def test_dense_does_not_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callbacks.occlusion_sensitivity.engine.trace", None)
    assert isinstance(evaluator(sample("VGG-like"), method="dense"), Dense)


class OwnWeights(nn.Module):
    """A convolution whose weights depend on the image, as in CondConv."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.weight = nn.Parameter(torch.randn(8, 8, 3, 3) / 8)
        self.last = nn.Sequential(*head(8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        images, channels, height, width = x.shape
        weight = (self.weight * x.mean((1, 2, 3)).view(-1, 1, 1, 1, 1).sigmoid()).reshape(-1, 8, 3, 3)
        y = conv2d(x.reshape(1, -1, height, width), weight, groups=images)
        return torch.as_tensor(self.last(y.view(images, channels, height - 2, width - 2)))


def test_weights_that_depend_on_the_image_are_computed_densely(may_warn: Warns) -> None:
    with may_warn():
        assert_exact(sample_of(OwnWeights(), (1, 15, 14)))


def test_every_position_has_its_turn_once_in_any_order_and_number() -> None:
    given = sample("pools")
    positions = Positions(
        torch.tensor([1, 0, 0, 1, 1, 0, 1]),
        torch.tensor([0, 23, 4, 4, 12, 4, 0]),
        torch.tensor([26, 0, 9, 9, 13, 9, 26]),
    )
    found = {}
    for method in ("incremental", "dense"):
        logits = torch.full((7, 5), float("nan"))
        seen = list[int]()
        with torch.no_grad():
            for index, part in evaluator(given, method)(given.images, positions):
                assert len(index) <= 11
                logits[index] = part
                seen += index.tolist()
        assert sorted(seen) == list(range(7))
        found[method] = logits
    assert (found["incremental"] - found["dense"]).abs().max() < 1e-5
    assert torch.equal(found["dense"][2], found["dense"][5])


@pytest.mark.usefixtures("traced_once")
def test_a_block_is_at_least_one_image_and_at_most_32() -> None:
    given = sample("VGG-like")
    assert evaluator(given, memory=1).block == 1
    assert 1 < evaluator(given, memory=10**6).block < 32
    assert evaluator(given, memory=2**40).block == 32


def test_an_occluder_is_cut_at_the_border_and_leaves_the_images() -> None:
    images = torch.zeros(2, 1, 3, 4)
    positions = Positions(torch.tensor([0, 0]), torch.tensor([0, 2]), torch.tensor([0, 2]))
    occluded = occlude(images, positions, (3, 2), torch.ones(1, 1, 1))
    assert occluded[0, 0].int().tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert occluded[1, 0].int().tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    assert not images.any()


@pytest.mark.parametrize(("in_cache", "expected"), [(1, 1), (3 * 8 * 13 * 12 * 4, 3), (2**30, 9)])
def test_a_processor_computes_whole_pictures_that_fit_its_cache(
    in_cache: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IN_CACHE", in_cache)
    given = sample_of(nn.Sequential(nn.Conv2d(1, 8, 3), *head(8)), (1, 15, 14))
    made = evaluator(given)
    assert isinstance(made, Incremental)
    assert pictures_at_once(made.network.plan, 9) == expected
