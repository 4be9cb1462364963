"""Layers: what can be computed on windows, and the fast pooling."""

from math import inf, nan

import pytest
import torch
from torch import fx, nn
from torch.testing import assert_close

from callbacks.occlusion_sensitivity.geometry import Sliding
from callbacks.occlusion_sensitivity.trace import aten, trace
from callbacks.occlusion_sensitivity.windowed_layers import Layer, as_layer, max_pool
from tests.callbacks.occlusion_sensitivity.networks import head, sample_of

Pair = tuple[int, int]


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
def test_max_pool_is_that_of_torch(kernel: Pair, stride: Pair, dilation: Pair) -> None:
    patch = torch.randn(2, 3, 8, 10)
    patch[0, 0, :2, :2] = -inf  # what surrounds a map
    patch[1, 1, 3, 4] = nan
    found, expected = max_pool(patch, kernel, stride, dilation), torch.max_pool2d(patch, kernel, stride, 0, dilation)
    assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def first_layer(*modules: nn.Module, channels: int = 1) -> tuple[fx.Node, Layer | None]:
    """Return the first of traced layers, and what windows make of it."""
    network, images, _ = sample_of(nn.Sequential(*modules, *head(4)), (channels, 12, 13))
    module = trace(network, images)
    node = next(n for n in module.graph.nodes if n.op == "call_function" and n.target is not aten.sym_size.int)
    return node, as_layer(module, node)


@pytest.mark.parametrize(
    ("module", "rows"),
    [
        (nn.Conv2d(1, 4, 3, padding="same", dilation=2), Sliding(3, 1, 2, 2, 12, 12)),
        (nn.Conv2d(1, 4, 3, padding="valid"), Sliding(3, 1, 0, 1, 12, 10)),
        (nn.Conv2d(1, 4, (5, 3), (3, 1), (2, 0)), Sliding(5, 3, 2, 1, 12, 4)),
    ],
)
def test_a_convolution_reads_rows_as_its_settings_say(module: nn.Module, rows: Sliding) -> None:
    _, layer = first_layer(module)
    assert layer is not None
    assert layer.sliding is not None
    assert layer.sliding[0] == rows


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.ConvTranspose2d(4, 4, 2),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.GroupNorm(2, 4),
        nn.InstanceNorm2d(4),
        nn.Upsample(scale_factor=2),
        nn.Softmax(1),
    ],
    ids=lambda module: type(module).__name__,
)
def test_what_depends_on_more_than_a_window_is_no_layer(module: nn.Module) -> None:
    assert first_layer(module, channels=4)[1] is None


@pytest.mark.parametrize(
    ("second", "given", "dtype", "expected"),
    [
        (nn.Conv2d(64, 64, 3, padding=1), 64, torch.float32, True),
        (nn.Conv2d(64, 64, (1, 3), padding="same", dilation=2), 64, torch.float64, True),
        (nn.Conv2d(64, 64, 3), 64, torch.bfloat16, False),
        (nn.Conv2d(64, 64, 3, stride=(1, 2)), 64, torch.float32, False),
        (nn.Conv2d(64, 64, 1), 64, torch.float32, False),
        (nn.Conv2d(128, 128, 3, groups=2), 128, torch.float32, False),
        (nn.Conv2d(64, 63, 3), 64, torch.float32, False),
        (nn.Conv2d(63, 64, 3), 63, torch.float32, False),
    ],
    ids=str,
)
def test_wide_convolutions_of_stride_1_after_the_first_are_computed_of_differences(
    second: nn.Module, given: int, dtype: torch.dtype, expected: bool
) -> None:
    network = nn.Sequential(nn.Conv2d(64, given, 3), second, nn.AdaptiveAvgPool2d(2), nn.Flatten()).eval().to(dtype)
    module = trace(network, torch.randn(2, 64, 9, 11, dtype=dtype))
    found = [as_layer(module, node) for node in module.graph.nodes if "conv" in str(node.target)]
    assert [layer is not None and layer.spread is not None for layer in found] == [False, expected]


def test_a_difference_spreads_as_the_convolution_of_it() -> None:
    network = nn.Sequential(nn.Conv2d(64, 64, 1), nn.Conv2d(64, 64, (3, 2)), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    module = trace(network.double().eval(), torch.randn(2, 64, 9, 11).double())
    layer = next(made for node in module.graph.nodes if (made := as_layer(module, node)) and made.spread)
    clean = torch.randn(2, 64, 8, 7).double()
    difference = torch.randn(2, 64, 3, 4).double()
    changed = clean.clone()
    changed[:, :, 2:5, 1:5] += difference
    expected = layer.run([changed]) - layer.run([clean])  # (2, 64, 6, 6)
    assert layer.spread is not None
    spread = layer.spread(difference, (2, 1))  # rows 0 to 4, columns 0 to 4
    assert_close(spread, expected[:, :, :5, :5])
    assert not expected[:, :, 5:].any()
    assert not expected[:, :, :, 5:].any()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_same_padding_of_an_even_kernel_is_no_layer() -> None:
    node, layer = first_layer(nn.Conv2d(1, 4, 4, padding="same"))
    assert node.target is aten.conv2d.padding
    assert layer is None


@pytest.mark.parametrize(
    "module",
    [
        nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(), nn.ELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Mish(), nn.Tanh(),
        nn.Sigmoid(), nn.Hardswish(), nn.Hardsigmoid(), nn.Softplus(), nn.PReLU(), nn.PReLU(4), nn.BatchNorm2d(4),
    ],
    ids=str,
)  # fmt: skip
def test_usual_activations_are_computed_on_windows(module: nn.Module) -> None:
    _, layer = first_layer(module, channels=4)
    assert layer is not None
    assert layer.sliding is None


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1), ()])
def test_one_constant_for_all_of_a_map_is_pointwise_whatever_its_shape(shape: tuple[int, ...]) -> None:
    class Shifted(nn.Module):
        mean: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.full(shape, 0.3))
            self.layers = nn.Sequential(nn.Conv2d(2, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layers(x - self.mean)  # type: ignore[no-any-return]

    traced = trace(Shifted().eval(), torch.randn(2, 2, 9, 9))
    (shift,) = (node for node in traced.graph.nodes if node.target is torch.ops.aten.sub.Tensor)
    assert as_layer(traced, shift) is not None
